"""Downloads from the hub by its own library, off a small server that answers as the hub does."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from pathlib import Path

import pytest

from tests.conftest import Result

NAME, COMMIT = "someone/small-nllb", "a" * 40
FILES = {
    "config.json": b"{}",
    "sentencepiece.bpe.model": bytes(range(256)) * 3,
    "tokenizer.json": b'{"added_tokens": []}',
    "pytorch_model.bin": bytes(range(251)) * 4000,
    "README.md": b"not needed",
    "rust_model.ot": b"neither",
}
LARGE = ("pytorch_model.bin", "sentencepiece.bpe.model")
DIGESTS = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 - git's own


class Hub(http.server.BaseHTTPRequestHandler):
    """`server.asked` are the files and ranges that were asked for; `server.most` bytes of an answer are sent.

    `server.sent` are contents that come in place of those it tells of.
    """

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = self.path.split("?")[0]
        files = self.server.files
        if path == f"/api/models/{NAME}/revision/{COMMIT}":
            siblings = [
                {"rfilename": name, "size": len(content), "blobId": blob_id(content)}
                | (
                    {"lfs": {"sha256": DIGESTS[name], "size": len(content), "pointerSize": 130}}
                    if name in LARGE
                    else {}
                )
                for name, content in files.items()
            ]
            return self.send(json.dumps({"id": NAME, "sha": COMMIT, "siblings": siblings}).encode(), body)
        name = path.removeprefix(f"/{NAME}/resolve/{COMMIT}/")
        if name not in files:
            code = "RevisionNotFound" if path.startswith(f"/api/models/{NAME}") else "RepoNotFound"
            return self.send(b"", body, 404, {"X-Error-Code": code})
        span, content = self.headers.get("Range"), self.server.sent.get(name, files[name])
        if body:
            self.server.asked.append((name, span))
        start = int(span.removeprefix("bytes=").split("-")[0]) if span else 0
        headers = {"ETag": f'"{DIGESTS[name]}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if span:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self.send(content[start:], body, 206 if span else 200, headers)

    def send(self, content: bytes, body: bool, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(content[: self.server.most])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.most, server.files, server.sent = [], None, dict(FILES), {}
    server.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # Its library has read the address when it was imported.
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.address)
    template = f"{server.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("workflow_scripts.corpus.download.ATTEMPTS", 1)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(tmp_path, command):
    def run(*more: str, name: str = NAME, revision: str = COMMIT) -> Result:
        given = ("--name", name, "--revision", revision, "--output", tmp_path / "pretrained/files")
        return command("fetch_pretrained", *given, *more)

    return run


def test_what_is_read_of_a_model_is_downloaded_and_its_digests_told(hub, fetch, tmp_path):
    said = fetch("--sha256", DIGESTS["pytorch_model.bin"]).ok().out
    folder: Path = tmp_path / "pretrained/files"
    wanted = FILES.keys() - {"README.md", "rust_model.ot"}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {name: FILES[name] for name in wanted}
    assert all(f"{name}: SHA-256 {DIGESTS[name]}" in said for name in wanted)
    assert [path.name for path in folder.parent.iterdir()] == ["files"]
    assert {name for name, _ in hub.asked} == wanted


def test_an_interrupted_download_goes_on(hub, fetch, tmp_path):
    hub.most = 3000
    refused = fetch()
    assert refused.code == 2
    assert "pytorch_model.bin" in refused.err
    assert "Traceback" not in refused.err
    hub.most, begun = None, len(hub.asked)
    refused = fetch("--sha256", "0" * 64)
    assert refused.code == 2
    assert f"pytorch_model.bin has SHA-256 {DIGESTS['pytorch_model.bin']}, baseline.checkpoint.sha256" in refused.err
    again = hub.asked[begun:]
    assert [name for name, _ in again] == ["pytorch_model.bin"]
    assert int(again[0][1].removeprefix("bytes=").rstrip("-")) >= 3000
    assert not (tmp_path / "pretrained/files").exists()
    pins = json.dumps({name: DIGESTS[name] for name in ("config.json", "pytorch_model.bin")})
    fetch("--sha256", pins).ok()
    assert len(hub.asked) == begun + 1


def test_another_file_than_the_hub_has_is_refused(hub, fetch, tmp_path):
    for name, says in (("config.json", "another file came than the hub has"), ("pytorch_model.bin", "is kept aside")):
        hub.sent = {name: b"[]" if name == "config.json" else bytes(9)}
        refused = fetch()
        assert (refused.code, says in refused.err) == (2, True), refused.err
        assert not (tmp_path / "pretrained/files").exists()


def test_what_the_hub_does_not_have_is_said(hub, fetch):
    for given, says in (
        ({"name": "someone/else"}, "the hub knows no such model, or it is private"),
        ({"revision": "b" * 40}, "the hub knows no such commit of it"),
        ({"name": "a b"}, "this is no name of a model"),
    ):
        refused = fetch(**given)
        assert (refused.code, says in refused.err) == (2, True), refused.err
    del hub.files["sentencepiece.bpe.model"]
    assert "has no sentencepiece.bpe.model in the hub: it is no M2M-100 or NLLB-200" in fetch().err
    hub.shutdown()
    hub.server_close()
    assert "the hub cannot be reached or refuses" in fetch().err
