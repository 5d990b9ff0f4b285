"""fairseq's command line for one training: a pure function of the project's settings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.systems.variant import Variant

CHUNKED = "label_smoothed_cross_entropy_in_chunks"
"""The criterion of `chunked_criterion`."""


def accumulation(training: Mapping[str, Any]) -> int:
    """Micro-batches per update and GPU, so that an update has `tokens_per_update` tokens on any number of GPUs."""
    workers = max(training["gpus"], 1) * training["nodes"]
    return max(round(training["tokens_per_update"] / (training["max_tokens"] * workers)), 1)


def architecture(model: Mapping[str, Any]) -> list[str]:
    """Options of the configured Transformer: pre-norm, decoder input and output embeddings tied."""
    sides = [
        option
        for side in ("encoder", "decoder")
        for option in (
            *(f"--{side}-layers={model['layers']}", f"--{side}-embed-dim={model['dim']}"),
            *(f"--{side}-ffn-embed-dim={model['ffn_dim']}", f"--{side}-attention-heads={model['heads']}"),
            f"--{side}-normalize-before",
        )
    ]
    shared = "--share-all-embeddings" if model["share_embeddings"] == "all" else "--share-decoder-input-output-embed"
    positions = [f"--max-{side}-positions={model['max_positions']}" for side in ("source", "target")]
    return [f"--arch={model['arch']}", *sides, shared, *positions]


def optimization(training: Mapping[str, Any]) -> list[str]:
    """Options of the objective, the optimizer and the batches."""
    precision = {"fp32": [], "fp16": ["--fp16"], "bf16": ["--bf16"]}[training["precision"]]
    return [
        *(*criterion(training), f"--label-smoothing={training['label_smoothing']}"),
        *("--optimizer=adam", "--adam-betas=(0.9, 0.98)", "--adam-eps=1e-6"),
        *(f"--clip-norm={training['clip_norm']}", f"--weight-decay={training['weight_decay']}"),
        *("--lr-scheduler=inverse_sqrt", f"--lr={training['lr']}", f"--warmup-updates={training['warmup']}"),
        *(f"--dropout={training['dropout']}", f"--attention-dropout={training['attention_dropout']}"),
        f"--activation-dropout={training['activation_dropout']}",
        *(f"--max-tokens={training['max_tokens']}", f"--update-freq={accumulation(training)}"),
        *(f"--max-update={training['max_update']}", f"--seed={training['seed']}"),
        *precision,
        # Of fairseq's ways to share gradients the one that works on CPUs, too, and under gradient accumulation.
        "--ddp-backend=legacy_ddp",
        *([] if training["gpus"] else ["--cpu"]),
    ]


def criterion(training: Mapping[str, Any]) -> list[str]:
    """The loss: fairseq's own, or the same in chunks of positions."""
    if chunk := training.get("loss_chunk"):
        return [f"--criterion={CHUNKED}", f"--loss-chunk={chunk}"]
    return ["--criterion=label_smoothed_cross_entropy"]


def multilingual(task: str, shards: Sequence[str], languages: Sequence[str], directions: Sequence[str]) -> list[str]:
    """The data, and the task with source tag on the encoder side and target tag as the decoder's first token."""
    return [
        ":".join(shards),
        *(f"--task={task}", f"--langs={','.join(languages)}", f"--lang-pairs={','.join(directions)}"),
        *("--encoder-langtok=src", "--decoder-langtok", "--skip-invalid-size-inputs-valid-test"),
    ]


def system(variant: Variant) -> list[str]:
    """What a system does to the model; its own parameters are stepped one by one, also in low precision."""
    return [
        f"--kind={variant.name}",
        *([f"--masks-file={variant.masks_file}"] if variant.masks_file else []),
        *([f"--kind-settings={json.dumps(dict(variant.settings))}"] if variant.settings else []),
        *(["--fp16-no-flatten-grads"] if variant.kind.own else []),
    ]


def frozen(training: Mapping[str, Any]) -> list[str]:
    """What a continued training leaves as it is."""
    return [f"--freeze={','.join(training['freeze'])}"] if training.get("freeze") else []


def sampling(training: Mapping[str, Any]) -> list[str]:
    """How often each direction is seen: proportional to its size to the power of 1/T."""
    return ["--sampling-method=temperature", f"--sampling-temperature={training['temperature']}"]


def bookkeeping(folder: str, training: Mapping[str, Any], log_every: int) -> list[str]:
    """Where checkpoints go, and how much is logged."""
    return [
        *(f"--save-dir={folder}", "--no-epoch-checkpoints", f"--num-workers={training['workers']}"),
        # Every process reads checkpoints itself: fairseq would send one what the safe loader of another refuses.
        "--load-checkpoint-on-all-dp-ranks",
        *("--log-format=json", f"--log-interval={log_every}"),
    ]
