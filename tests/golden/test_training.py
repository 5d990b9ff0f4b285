"""Continued training under masks, and its unmasked control, update by update against the official trainer."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
import yaml

from tests.conftest import TRAINING
from tests.golden.conftest import DIRECTIONS
from workflow_scripts.fairseq_plugin import arguments, training

from fairseq import checkpoint_utils, tasks, utils  # isort: skip
from fairseq.logging import metrics  # isort: skip
from fairseq.trainer import Trainer  # isort: skip

UPDATES, ACCUMULATED = 40, 4


class Run:
    """fairseq's trainer with the project's task, started from the recorded baseline as `train.main` starts it.

    `losses` gets `(direction, summed loss in nats, target tokens)` of every micro-batch the criterion sees.
    """

    def __init__(self, reference: Path, manifest_path: Path, masks: Path | None, folder: Path) -> None:
        given = yaml.safe_load((reference / "ns_config.yml").read_text(encoding="utf-8"))
        same = {name: given[name] for name in ("max_tokens", "dropout", "attention_dropout", "label_smoothing", "seed")}
        settings = {
            **TRAINING,
            **same,
            "lr": float(given["lr"]),
            "warmup": given["warmup_updates"],
            "tokens_per_update": given["max_tokens"] * given["update_freq"],
            "max_update": given["max_update"],
            "temperature": given["sampling_temperature"],
        }
        start, languages = reference / "checkpoints/baseline.pt", given["langs"].split(",")
        shards = [str(reference / given["data_bin"])]
        job = {
            "arguments": [
                *arguments.multilingual("neuron_specialization", shards, languages, given["lang_pairs"].split(",")),
                "--arch=transformer",
                *arguments.optimization(settings),
                *arguments.sampling(settings),
                *arguments.bookkeeping(str(folder), settings, 1),
                f"--finetune-from-model={start}",
                *([f"--masks-file={masks}"] if masks else []),
            ],
            "start": str(start),
            "data": str(manifest_path),
        }
        cfg = training.settings(job)
        utils.set_torch_seed(cfg.common.seed)
        self.task = tasks.setup_task(cfg.task)
        self.trainer = Trainer(
            cfg, self.task, self.task.build_model(cfg.model), self.task.build_criterion(cfg.criterion)
        )
        self.losses: list[tuple[str, float, int]] = []
        self.trainer.criterion.register_forward_hook(self._note)
        _, self.epoch = checkpoint_utils.load_checkpoint(cfg.checkpoint, self.trainer)
        self.trainer.begin_epoch(1)
        self.texts = self.task.dataset("train").datasets
        self.collate = self.epoch.collate_fn

    def _note(self, _, inputs, output) -> None:
        numbers = output[2]
        self.losses.append((inputs[1]["direction"], float(numbers["loss"]), int(numbers["ntokens"])))

    def micro_batch(self, pair: str, lines: list[int]) -> dict:
        """Training lines (from 0) of a direction, collated by the task's own iterator."""
        number = self.task.args.lang_pairs.index(pair)
        return self.collate([(number, self.texts[number][line]) for line in lines])


@pytest.fixture(scope="module", params=["masked", "control"])
def run(request, reference, manifest_path, masks_path, tmp_path_factory):
    masks = masks_path if request.param == "masked" else None
    return request.param, Run(reference, manifest_path, masks, tmp_path_factory.mktemp(request.param))


def test_every_update_has_the_recorded_loss(run, reference):
    name, ours = run
    text = (reference / "ns_training/micro_batches.jsonl").read_text(encoding="utf-8")
    batches = [json.loads(line) for line in text.splitlines()]
    column = {"masked": "masked", "control": "unmasked_control"}[name]
    with (reference / "ns_training/loss_per_update.csv").open(encoding="utf-8", newline="") as file:
        official = list(csv.DictReader(file))
    assert len(batches) == UPDATES * ACCUMULATED
    assert len(official) == UPDATES
    prefix = "" if name == "masked" else "control_"
    for update in range(UPDATES):
        four = batches[update * ACCUMULATED : (update + 1) * ACCUMULATED]
        ours.losses.clear()
        with metrics.aggregate() as logged:
            ours.trainer.train_step([ours.micro_batch(batch["pair"], batch["ids"]) for batch in four])
        # Each micro-batch ran under the masks of its own direction.
        assert [loss[0] for loss in ours.losses] == [batch["pair"] for batch in four]
        for (_, loss, tokens), batch in zip(ours.losses, four, strict=True):
            assert tokens == batch["ntokens"]
            assert loss == pytest.approx(batch[f"{prefix}loss_sum"], rel=1e-3)
        expected = official[update]
        loss, tokens = sum(loss for _, loss, _ in ours.losses), sum(tokens for _, _, tokens in ours.losses)
        assert tokens == int(expected["ntokens"])
        assert loss / tokens / math.log(2) == pytest.approx(float(expected[f"loss_base2_{column}"]), rel=1e-3)
        # Recorded, and logged, with three decimals.
        gnorm = logged.get_smoothed_values()["gnorm"]
        assert gnorm == pytest.approx(float(expected[f"gnorm_{column}"]), abs=1.5e-3)
        assert ours.trainer.get_lr() == pytest.approx(float(expected["lr"]), rel=1e-5)
    assert ours.trainer.get_num_updates() == UPDATES


@pytest.mark.parametrize("system", ["baseline", "ns"])
def test_validation_loss_of_every_direction(system, reference, manifest_path, masks_path, tmp_path):
    with (reference / "valid_loss.csv").open(encoding="utf-8", newline="") as file:
        official = {row["pair"]: row for row in csv.DictReader(file)}
    assert list(official) == DIRECTIONS
    ours = Run(reference, manifest_path, masks_path if system == "ns" else None, tmp_path)
    if system == "ns":
        from workflow_scripts.formats.checkpoint import read_checkpoint

        state = read_checkpoint(reference / "checkpoints/ns.pt").state
        ours.trainer.model.load_state_dict(state, strict=False)
    ours.task.load_dataset("valid", combine=False, epoch=1)
    iterator = ours.trainer.get_valid_iterator("valid").next_epoch_itr(shuffle=False)
    for batch in iterator:
        ours.trainer.valid_step(batch)
    for pair in DIRECTIONS:
        found = [(loss, tokens) for direction, loss, tokens in ours.losses if direction == pair]
        loss, tokens = (sum(numbers) for numbers in zip(*found, strict=True))
        assert tokens == int(official[pair]["target_tokens"])
        assert loss / tokens / math.log(2) == pytest.approx(float(official[pair][f"{system}_loss_base2"]), abs=1e-3)
