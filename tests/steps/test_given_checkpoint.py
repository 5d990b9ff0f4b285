"""A trained checkpoint from elsewhere: checked against digest, data and safe loading before it is taken."""

from __future__ import annotations

import json
import os

import pytest
import torch

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
    one, other = (checkpoint.read_checkpoint(path) for path in (tiny_run.checkpoint, tmp_path / "out/checkpoint.pt"))
    names = [name for name in one.state if not name.endswith(("version", "_float_tensor"))]
    assert all(torch.equal(one.state[name], other.state[name]) for name in names)
    assert other.provenance["given_sha256"] == one.sha256
    assert other.provenance["given_as"] == "released"
    # What the checkpoint said of itself stays, its masks above all.
    assert other.provenance["directions"] == one.provenance["directions"]


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
