"""Verified downloads, against a local server: resuming, truncation, wrong digests, hostile archives."""

from __future__ import annotations

import hashlib
import http.server
import io
import re
import tarfile
import threading
import zipfile

import pytest

from workflow_scripts.corpus import download
from workflow_scripts.corpus.unpack import unpack
from workflow_scripts.errors import UserError
from workflow_scripts.steps import fetch as command

CONTENT = bytes(range(256)) * 2000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT with ranges; `server.cut` bytes at most per answer, `server.fail` answers with an error first."""

    def do_GET(self):
        server = self.server
        server.requests.append(self.headers.get("Range", ""))
        if server.fail:
            self.send_error(server.fail.pop(0))
            return
        start = 0
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and self.headers.get("If-Range", server.etag) == server.etag:
            start = int(wanted[1])
            if start >= len(server.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(server.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        if server.etag:
            self.send_header("ETag", server.etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.cut.pop(0)] if server.cut else body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.content, made.etag, made.cut, made.fail, made.requests = CONTENT, '"one"', [], [], []
    made.url = f"http://127.0.0.1:{made.server_address[1]}/file"
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_download(server, tmp_path, capsys):
    output = tmp_path / "new" / "file"
    download.fetch(output, server.url, None, DIGEST.upper())
    assert output.read_bytes() == CONTENT
    assert (output.parent / "file.sha256").read_text() == f"{DIGEST}  file\n"
    assert names(output.parent) == ["file", "file.sha256"]
    assert "WARNING" not in capsys.readouterr().out
    download.fetch(output, server.url, None, DIGEST)
    assert len(server.requests) == 1


def test_an_interrupted_transfer_goes_on_where_it_stopped(server, tmp_path):
    server.cut = [100_000, 200_000]
    download.fetch(tmp_path / "file", server.url, None, DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.requests == ["", "bytes=100000-", "bytes=300000-"]


def test_a_later_run_goes_on_and_says_where_the_part_is(server, tmp_path):
    server.cut = [1000] * download.ATTEMPTS
    with pytest.raises(UserError, match=r"file\.part; run again"):
        download.fetch(tmp_path / "file", server.url, None, DIGEST)
    assert not (tmp_path / "file").exists()
    download.fetch(tmp_path / "file", server.url, None, DIGEST)
    assert server.requests[-1] == f"bytes={1000 * download.ATTEMPTS}-"
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_complete_part_needs_no_more_bytes(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT)
    download.fetch(tmp_path / "file", server.url, None, DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT + b"x")
    download.fetch(tmp_path / "file", server.url, None, DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_changed_file_is_downloaded_anew_even_without_a_digest(server, tmp_path):
    server.cut = [1000] * download.ATTEMPTS
    with pytest.raises(UserError):
        download.fetch(tmp_path / "file", server.url, None, None)
    server.content, server.etag = CONTENT[::-1], '"two"'
    download.fetch(tmp_path / "file", server.url, None, None)
    assert (tmp_path / "file").read_bytes() == CONTENT[::-1]


def test_an_unknown_part_is_not_trusted_without_a_digest(server, tmp_path):
    (tmp_path / "file.part").write_bytes(b"something else")
    download.fetch(tmp_path / "file", server.url, None, None)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_error_is_tried_again_and_a_refusal_is_not(server, tmp_path):
    server.fail = [503]
    download.fetch(tmp_path / "file", server.url, None, DIGEST)
    assert len(server.requests) == 2
    server.fail = [404]
    with pytest.raises(UserError, match="404"):
        download.fetch(tmp_path / "other", server.url, None, DIGEST)
    assert len(server.requests) == 3


def test_a_wrong_digest_sets_the_file_aside(server, tmp_path):
    wrong = "0" * 64
    with pytest.raises(UserError) as caught:
        download.fetch(tmp_path / "file", server.url, None, wrong)
    assert all(part in str(caught.value) for part in (DIGEST, wrong, "file.rejected", server.url))
    assert names(tmp_path) == ["file.part.json", "file.rejected"]
    assert (tmp_path / "file.rejected").read_bytes() == CONTENT


def test_without_a_digest_the_one_found_is_told(server, tmp_path, capsys):
    download.fetch(tmp_path / "file", server.url, None, None)
    told = capsys.readouterr().out
    assert "WARNING" in told
    assert f"sha256: {DIGEST}" in told


def test_a_digest_that_is_pinned_later_changes_nothing_unless_it_is_another(server, tmp_path):
    output = tmp_path / "file"
    assert download.contradicted(output, DIGEST) == ""
    download.fetch(output, server.url, None, None)
    assert download.contradicted(output, None) == ""
    assert download.contradicted(output, DIGEST.upper()) == ""
    assert download.contradicted(output, "0" * 64) == "0" * 64
    download.fetch(output, server.url, None, DIGEST)
    assert len(server.requests) == 1
    with pytest.raises(UserError, match="not used"):
        download.fetch(output, server.url, None, "0" * 64)


def test_only_the_web_is_downloaded_from(tmp_path):
    with pytest.raises(UserError, match="only http and https"):
        download.fetch(tmp_path / "file", "file:///etc/passwd", None, None)


def test_nobody_there(tmp_path, monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    with pytest.raises(UserError, match="run again"):
        download.fetch(tmp_path / "file", "http://127.0.0.1:9/x", None, None)


@pytest.mark.parametrize("outcome", ["arrives", "fails", "none"])
def test_google_drive(tmp_path, monkeypatch, outcome):
    gdown = pytest.importorskip("gdown")

    def fake(*, id, output, resume, quiet):  # noqa: A002
        if outcome == "fails":
            raise gdown.exceptions.FileURLRetrievalError("too many users")
        if outcome == "none":
            return None
        assert (id, resume) == ("abc", True)
        with open(output, "wb") as file:
            file.write(CONTENT)
        return output

    monkeypatch.setattr(gdown, "download", fake)
    if outcome == "arrives":
        download.fetch(tmp_path / "file", None, "abc", DIGEST)
        assert (tmp_path / "file").read_bytes() == CONTENT
    else:
        with pytest.raises(UserError, match=r"Google Drive file abc.*path"):
            download.fetch(tmp_path / "file", None, "abc", DIGEST)


def archive(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as file:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = b"" if isinstance(content, tarfile.TarInfo) else content
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_unpack_tar(tmp_path, mode):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_text("old")
    unpack(archive(tmp_path / "a", {"bin/x": b"1", "bin/y": b"2"}, mode), folder)
    assert names(folder / "bin") == ["x", "y"]
    assert not (folder / "old").exists()


def test_unpack_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as file:
        file.writestr("bin/x", "1")
    unpack(tmp_path / "a", tmp_path / "folder")
    assert (tmp_path / "folder" / "bin" / "x").read_text() == "1"


@pytest.mark.parametrize(
    "members",
    [
        {"../outside": b"1"},
        {"bin/../../outside": b"1"},
        {"l": link("l", "../outside")},
        {"l": link("l", "/etc/passwd")},
        {"l": link("l", "../../outside", tarfile.LNKTYPE)},
        {"l": link("l", ".."), "l/outside": b"1"},
        {"dev": link("dev", "", tarfile.CHRTYPE)},
    ],
)
def test_hostile_tar_is_refused_whole(tmp_path, members):
    inner = tmp_path / "inner"
    inner.mkdir()
    packed = archive(inner / "a", {"good": b"1", **members})
    with pytest.raises(UserError, match="not unpacked"):
        unpack(packed, inner / "folder")
    assert names(inner) == ["a"]
    assert names(tmp_path) == ["inner"]


def test_absolute_paths_stay_inside(tmp_path):
    unpack(archive(tmp_path / "a", {"/bin/x": b"1"}), tmp_path / "folder")
    assert (tmp_path / "folder" / "bin" / "x").read_bytes() == b"1"


def test_hostile_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as file:
        file.writestr("../outside", "1")
    with pytest.raises(UserError, match="outside"):
        unpack(tmp_path / "a", tmp_path / "folder")
    assert names(tmp_path) == ["a"]


def test_damaged_and_other_files_are_refused(tmp_path):
    path = archive(tmp_path / "a", {"x": CONTENT[:100_000], "y": bytes(9)})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="damaged"):
        unpack(path, tmp_path / "folder")
    (tmp_path / "b").write_bytes(b"no archive")
    with pytest.raises(UserError, match="neither"):
        unpack(tmp_path / "b", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_command(server, tmp_path, monkeypatch):
    server.content = archive(tmp_path / "served", {"x": b"1"}).read_bytes()
    arguments = ["fetch", "--url", server.url, "--output", str(tmp_path / "a"), "--extract", str(tmp_path / "folder")]
    monkeypatch.setattr("sys.argv", arguments)
    command.main()
    assert (tmp_path / "folder" / "x").read_bytes() == b"1"
    monkeypatch.setattr("sys.argv", [*arguments, "--sha256", "abc"])
    with pytest.raises(UserError, match="64 hexadecimal"):
        command.main()
