"""What scores of neural metrics depend on stands in their signatures."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from tests.scoring.test_current import WORKER
from workflow_scripts.files import sha256
from workflow_scripts.scoring import comet_worker
from workflow_scripts.scoring.learned import signature

SAID = {"version": "2.2.7", "precision": "fp32", "python": "3.11.9", "sha256": "0123456789abcdef" * 4}


def test_a_signature_has_what_the_worker_said():
    expected = "model:wmt22-comet-da|nrefs:1|version:2.2.7|precision:fp32|python:3.11.9|sha256:0123456789ab"
    assert signature("Unbabel/wmt22-comet-da", 1, SAID) == expected
    assert signature("models/own.ckpt", 0, {"version": "9"}) == "model:own.ckpt|nrefs:0|version:9"


@pytest.mark.parametrize(("kind", "precision"), [("torch.float32", "fp32"), ("torch.float16", "fp16"), ("f8", "f8")])
def test_a_worker_looks_at_model_and_checkpoint(tmp_path, monkeypatch, kind, precision):
    (tmp_path / "model.ckpt").write_bytes(b"weights")
    monkeypatch.setattr(comet_worker, "version", lambda name: {"unbabel-comet": "2.2.7"}[name])
    monkeypatch.setattr(comet_worker.platform, "python_version", lambda: "3.11.9")
    model = SimpleNamespace(parameters=lambda: iter([SimpleNamespace(dtype=kind)]))
    said = comet_worker.facts(model, tmp_path / "model.ckpt")
    assert said == SAID | {"precision": precision, "sha256": sha256(tmp_path / "model.ckpt")}
    # The form that sacrecomet prints.
    form = comet_worker.sacrecomet("Unbabel/wmt22-comet-da", 1, said)
    assert form == f"Python3.11.9|Comet2.2.7|{precision}|Unbabel/wmt22-comet-da|r1"


def test_score_files_have_both_forms(command, tmp_path):
    said = SAID | {"sacrecomet": "Python3.11.9|Comet2.2.7|fp32|some/model|r1"}
    text = WORKER.format(python=sys.executable).replace(
        '"version": "9"', ", ".join(f'"{k}": "{said[k]}"' for k in said)
    )
    python = tmp_path / "python"
    python.write_text(text)
    python.chmod(0o755)
    for role in ("src", "hyp", "ref"):
        (tmp_path / f"en-nl.{role}.txt").write_text("een kat\n")
    options = ("--model", "some/model", "--python", python, "--output", tmp_path / "scores")
    command("score_comet", tmp_path, "--pairs", "en-nl", *options).ok()
    (entry,) = json.loads((tmp_path / "scores/en-nl.comet.json").read_text())
    assert entry["signature"] == signature("some/model", 1, SAID)
    assert (entry["sacrecomet"], entry["sha256"]) == (said["sacrecomet"], SAID["sha256"])
