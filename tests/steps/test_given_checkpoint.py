"""A trained checkpoint from elsewhere: checked against digest, data and safe loading before it is taken."""

from __future__ import annotations

import json
import os

import pytest
import torch

from workflow_scripts.batch import FORMAT
from workflow_scripts.errors import UserError
from workflow_scripts.files import sha256
from workflow_scripts.formats import checkpoint


class Evil:
    def __init__(self, marker) -> None:
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.fixture
def take(tiny_run, command, tmp_path):
    def run(path, digest=None, data=tiny_run.manifest):
        source = json.dumps({"path": str(path), "sha256": digest})
        return command(
            *("given_checkpoint", "--source", source, "--name", "released", "--data", data),
            *("--output", tmp_path / "out/checkpoint.pt"),
        )

    return run


def test_weights_come_through_unchanged_with_where_they_are_from(tiny_run, take, tmp_path):
    said = take(tiny_run.checkpoint, sha256(tiny_run.checkpoint)).ok().out
    assert said.startswith("[checkpoint] released · ")
    output = tmp_path / "out/checkpoint.pt"
    one, other = (checkpoint.read_checkpoint(path) for path in (tiny_run.checkpoint, output))
    assert checkpoint.weights_digest(one.state) == checkpoint.weights_digest(other.state)
    assert checkpoint.identity(tiny_run.checkpoint) == checkpoint.identity(output)
    assert other.provenance["given_sha256"] == sha256(tiny_run.checkpoint)
    assert other.provenance["weights_sha256"] == one.provenance["weights_sha256"]
    assert (other.provenance["system"], other.provenance["format"]) == ("released", FORMAT)
    # What the checkpoint said of itself stays, its masks above all.
    assert other.provenance["given"] == one.provenance
    assert other.provenance["masks"] == one.provenance["masks"]


def test_masks_that_it_was_trained_under_are_insisted_on_however_it_came(tiny_run, take, tmp_path):
    """Also of a checkpoint that an older version of this project made: as a given one it is welcome."""
    raw = checkpoint.read_raw(tiny_run.checkpoint)
    old = {"system": "ns", "masks": "a" * 64, "start_sha256": "b" * 64}
    torch.save({**raw, checkpoint.PROVENANCE: old}, tmp_path / "old.pt")
    take(tmp_path / "old.pt").ok()
    with pytest.raises(UserError, match="is given no masks"):
        checkpoint.refuse_other_masks(checkpoint.read_checkpoint(tmp_path / "out/checkpoint.pt"), None)


def test_it_is_taken_again_only_when_it_is_another(tiny_run, take, tmp_path, monkeypatch):
    output = tmp_path / "out/checkpoint.pt"
    take(tiny_run.checkpoint).ok()
    content, inode = output.read_bytes(), output.stat().st_ino
    assert "current" in take(tiny_run.checkpoint).ok().out
    assert output.stat().st_ino == inode
    monkeypatch.setenv("NS_RECOMPUTE", "given_system")
    assert "current" not in take(tiny_run.checkpoint).ok().out
    assert output.read_bytes() == content
    monkeypatch.delenv("NS_RECOMPUTE")
    raw = checkpoint.read_raw(tiny_run.checkpoint)
    raw["model"]["decoder.layers.0.fc2.bias"][0] += 1
    torch.save(raw, tmp_path / "other.pt")
    assert "current" not in take(tmp_path / "other.pt").ok().out
    assert checkpoint.identity(output) == checkpoint.identity(tmp_path / "other.pt")
    output.write_bytes(output.read_bytes()[:5000])
    assert "current" not in take(tmp_path / "other.pt").ok().out
    assert checkpoint.identity(output) == checkpoint.identity(tmp_path / "other.pt")


def test_refusals(tiny_run, take, tmp_path):
    def refused(path, message, **options):
        result = take(path, **options)
        assert result.code == 2
        assert message in result.err
        assert "Traceback" not in result.err
        assert not (tmp_path / "out/checkpoint.pt").exists()

    refused(tmp_path / "gone.pt", "gone.pt does not exist")
    refused(tiny_run.checkpoint, "the configuration wants " + "0" * 64, digest="0" * 64)
    torch.save({**checkpoint.read_raw(tiny_run.checkpoint), "extra": Evil(tmp_path / "x")}, tmp_path / "evil.pt")
    refused(tmp_path / "evil.pt", "which could run code")
    assert not (tmp_path / "x").exists()
    content = json.loads(tiny_run.manifest.read_text(encoding="utf-8"))
    folder = tiny_run.manifest.parent
    content |= {"languages": ["en", "qa", "qe"], "dictionary": str(folder / content["dictionary"])}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    refused(tiny_run.checkpoint, "list languages.codes in the checkpoint's order", data=tmp_path / "manifest.json")
