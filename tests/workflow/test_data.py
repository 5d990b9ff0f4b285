"""The data stage as a workflow: what a change of text or test sets touches, and what is refused before training."""

from __future__ import annotations

import copy
import functools
import hashlib
import http.server
import json
import shutil
import threading

import pytest

from tests.workflow.conftest import SMALL, Flow

TESTS = "results/small/data/tests"
MANIFESTS = ("results/small/data/manifest.json", f"{TESTS}/test/manifest.json")


def changed(**keys) -> dict:
    """The small configuration with other values, `data__clean__held_out=…`."""
    config = copy.deepcopy(SMALL)
    for key, value in keys.items():
        *parents, last = key.split("__")
        section = config
        for parent in parents:
            section = section.setdefault(parent, {})
        section[last] = value
    return config


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """A finished data stage."""
    flow = Flow(tmp_path_factory.mktemp("data")).configure(SMALL)
    flow.run(*MANIFESTS)
    return flow


@pytest.fixture
def flow(tmp_path):
    """`flow(config)` in an empty folder whose name a shell would not leave as it is."""
    folder = tmp_path / "it's all $(touch hacked)"
    folder.mkdir()
    return lambda config: Flow(folder).configure(config)


@pytest.fixture
def text(done, tmp_path):
    """The small corpus as a folder of one's own, with a name a shell would not leave as it is."""
    return shutil.copytree(done.folder / "results/small/data/raw", tmp_path / 'my "text" $(touch hacked)')


def planned(done, *targets, **keys) -> set[str]:
    """Rules that would run for the manifests after a change of the configuration."""
    jobs = Flow(done.folder).configure(changed(**keys)).plan(*(targets or MANIFESTS))
    Flow(done.folder).configure(SMALL)
    return set(jobs) - {"total"}


def test_test_text_touches_no_training(done):
    assert planned(done) == set()
    more = SMALL["data"]["synthetic"] | {"test": 9}
    assert planned(done, data__synthetic=more) == {"make_test_text", "check_test_set", "test_set"}
    assert planned(done, decode__split="valid") == {"check_test_set", "test_set"}


def test_held_out_test_text_does_and_is_asked_for(done):
    held = {"data__clean": {"held_out": ["valid", "test"]}}
    wanted = {"clean", "sentencepiece_model", "binarize", "test_set"}
    assert planned(done, **held) == wanted
    more = SMALL["data"]["synthetic"] | {"test": 9}
    assert planned(done, data__synthetic=more, **held) >= {"make_test_text", *wanted}


def test_how_long_lines_may_be_is_no_matter_of_cleaning(done):
    assert planned(done, data__clean={"max_pieces": 100}) == {"binarize", "test_set"}


def test_which_directions_are_scored_now_changes_no_test_set(done):
    assert planned(done, pairs="en-qa") == set()


def test_test_sets_are_prepared_beside_each_other(done, text):
    own = text.parent / "own set; $(touch hacked)"
    own.mkdir()
    for code in ("en", "qa"):
        shutil.copyfile(text / f"test.en-qa.{code}", own / f"{code}.txt")
    Flow(done.folder).configure(changed(test_sets={"own": str(own)}))
    jobs = done.plan(*MANIFESTS, f"{TESTS}/own/manifest.json")
    assert set(jobs) - {"total"} == {"check_test_set", "test_set"}
    done.run(f"{TESTS}/own/manifest.json")
    made, default = (
        json.loads((done.folder / f"{TESTS}/{name}/manifest.json").read_text()) for name in ("own", "test")
    )
    assert list(made["pairs"]) == ["en-qa"]
    assert made["pairs"]["en-qa"]["data"] == default["pairs"]["en-qa"]["data"]
    assert not list(done.folder.rglob("hacked"))
    Flow(done.folder).configure(SMALL)


def test_bad_test_text_is_refused_before_training(flow, text):
    (text / "test.en-qe.qe").write_text("\n" * 8)
    config = changed(text=str(text), data__source="text")
    code, said = flow(config).snakemake()
    assert code != 0
    assert "test.en-qe.qe, line 1: is empty" in said
    results = flow(config).folder / "results/small"
    assert not (results / "baseline").exists()
    assert not list(flow(config).folder.rglob("hacked"))


def test_a_corrected_reference_costs_its_test_set(flow, text):
    own = flow(changed(text=str(text), data__source="text"))
    own.run(*MANIFESTS)
    before = (own.folder / MANIFESTS[0]).read_bytes()
    path = text / "test.en-qa.qa"
    path.write_text(path.read_text(encoding="utf-8").replace(" ", "  ", 1), encoding="utf-8")
    assert set(own.plan(*MANIFESTS)) - {"total"} == {"check_test_set", "test_set"}
    own.run(*MANIFESTS)
    assert (own.folder / MANIFESTS[0]).read_bytes() == before
    assert "  " in (own.folder / f"{TESTS}/test/text/test.en-qa.qa").read_text(encoding="utf-8")


def test_lines_the_model_has_no_room_for_are_refused(flow):
    code, said = flow(changed(model__max_positions=128)).snakemake("--dry-run")
    assert code != 0
    assert "data.clean.max_pieces: 254 pieces" in said
    assert "set it to 126 or less" in said
    assert flow(changed(model__max_positions=128, data__clean={"max_pieces": 126})).plan()


def test_folders_with_braces_are_refused(flow, text):
    own = text.rename(text.parent / "my {text}")
    for key, config in {
        "text": changed(text=str(own), data__source="text"),
        "test_sets.own": changed(test_sets={"own": str(own)}),
        "data.databin.path": changed(data__source="databin", data__databin={"path": str(own)}),
    }.items():
        code, said = flow(config).snakemake("--dry-run")
        assert code != 0
        assert f"{key}: '{own}' has a brace, which Snakemake takes for a wildcard" in said


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; `server.requests` counts what was asked for."""

    def do_GET(self):
        self.server.requests.append(self.path)
        super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def archive(done, tmp_path):
    """A data-bin of the small corpus with its test set, packed, on a server: address, requests, digest."""
    databin = shutil.copytree(done.folder / "results/small/data/bin", tmp_path / "packed/databin")
    shutil.copytree(done.folder / f"{TESTS}/test/bin", databin, dirs_exist_ok=True)
    file = shutil.make_archive(str(tmp_path / "served/databin"), "tar", tmp_path / "packed")
    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.requests = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(file, "rb") as packed:
        digest = hashlib.file_digest(packed, "sha256").hexdigest()
    yield f"http://127.0.0.1:{server.server_address[1]}/databin.tar", server.requests, digest
    server.shutdown()
    server.server_close()


def test_a_downloaded_databin_pinned_later_is_not_downloaded_again(done, flow, archive):
    url, requests, digest = archive
    config = changed(data__source="databin", data__databin={"url": url})
    own = flow(config)
    own.run(*MANIFESTS)
    assert len(requests) == 1
    made = json.loads((own.folder / MANIFESTS[1]).read_text())
    assert made["pairs"].keys() == {"en-qa", "en-qe"}
    config["data"]["databin"]["sha256"] = digest
    assert flow(config).plan(*MANIFESTS) == {}
    flow(config).run(*MANIFESTS)
    assert len(requests) == 1
    config["data"]["databin"]["sha256"] = "0" * 64
    code, said = flow(config).snakemake(*MANIFESTS)
    assert code != 0
    assert f"data.databin.sha256 is {'0' * 64}" in said
    assert "remove results/small/data/download to download again" in said
    assert (own.folder / "results/small/data/download/archive").exists()
    assert len(requests) == 1
