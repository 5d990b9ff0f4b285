"""Verified downloads, against a local server: resuming, truncation, wrong digests, slow streams, odd answers."""

from __future__ import annotations

import errno
import hashlib
import http.server
import itertools
import json
import re
import shutil
import signal
import tarfile
import threading
import time
from types import SimpleNamespace

import pytest

from workflow_scripts.corpus import download, transfer_limits
from workflow_scripts.errors import UserError
from workflow_scripts.steps import fetch as command

CONTENT = bytes(range(256)) * 2000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT with ranges; `server.cut` bytes at most per answer, `server.fail` answers with an error first."""

    def do_GET(self):
        server = self.server
        server.requests.append(self.headers.get("Range", ""))
        if server.raw:
            self.say(server.raw.pop(0))
            return
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

    def say(self, parts):
        """Send `parts` as they are, one by one, until the other side has gone or the server is to end."""
        self.close_connection = True
        try:
            for part in parts:
                self.wfile.write(part)
                if self.server.ending.wait(self.server.pause):
                    return
        except ConnectionError:
            return

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.content, made.etag, made.cut, made.fail, made.requests = CONTENT, '"one"', [], [], []
    made.raw, made.pause, made.ending = [], 0, threading.Event()
    made.url = f"http://127.0.0.1:{made.server_address[1]}/file"
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.ending.set()
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


def test_a_kill_before_the_digest_is_noted_leaves_nothing_wrong(server, tmp_path):
    """What was noted of another file is no more believed, and what the transfer needed goes."""
    output = tmp_path / "x"
    download.fetch(output, server.url, None, DIGEST)
    noted = (tmp_path / "x.sha256").read_text()
    (tmp_path / "x.sha256").write_text(f"{'0' * 64}  x\n")
    (tmp_path / "x.part.json").write_text("{}")
    download.fetch(output, server.url, None, DIGEST)
    assert (tmp_path / "x.sha256").read_text() == noted
    assert not download.contradicted(output, DIGEST)
    assert not (tmp_path / "x.part.json").exists()


def test_only_the_web_is_downloaded_from(tmp_path):
    with pytest.raises(UserError, match="only http and https"):
        download.fetch(tmp_path / "file", "file:///etc/passwd", None, None)


def test_nobody_there(tmp_path, monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    with pytest.raises(UserError, match="run again"):
        download.fetch(tmp_path / "file", "http://127.0.0.1:9/x", None, None)


@pytest.mark.parametrize("outcome", ["arrives", "fails", "none", "is slow", "is large"])
def test_google_drive(tmp_path, monkeypatch, outcome):
    gdown = pytest.importorskip("gdown")

    def fake(*, id, output, resume, quiet, timeout, progress):  # noqa: A002
        if outcome == "fails":
            raise gdown.exceptions.FileURLRetrievalError("too many users")
        if outcome == "none":
            return None
        assert (id, resume, timeout) == ("abc", True, 60)
        with open(output, "wb") as file:
            file.write(CONTENT)
        progress(1, 10**18 if outcome == "is large" else len(CONTENT))
        if outcome == "is slow":
            ticks = itertools.count(time.monotonic() + 1000, 1000)
            monkeypatch.setattr(transfer_limits, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
        progress(len(CONTENT), len(CONTENT))
        return output

    monkeypatch.setattr(gdown, "download", fake)
    if outcome == "arrives":
        download.fetch(tmp_path / "file", None, "abc", DIGEST)
        assert (tmp_path / "file").read_bytes() == CONTENT
    else:
        told = {"is slow": "only 511,999 bytes arrived in 1,000 s", "is large": "make room"}.get(outcome, "path")
        with pytest.raises(UserError, match=rf"Google Drive file abc.*{told}"):
            download.fetch(tmp_path / "file", None, "abc", DIGEST)


HEAD = b'HTTP/1.1 200 OK\r\nETag: "one"\r\n'
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("digest", [DIGEST, None])
@pytest.mark.parametrize("cut", [b"1000\r\n" + CONTENT[:100], b"64\r\n" + CONTENT[:100] + b"\r\n"])
def test_a_cut_chunked_answer_is_not_taken_for_whole(server, tmp_path, cut, digest):
    server.raw = [[CHUNKED, cut] for _ in range(download.ATTEMPTS)]
    with pytest.raises(UserError, match=r"the answer was cut.*file\.part; run again"):
        download.fetch(tmp_path / "file", server.url, None, digest)
    assert names(tmp_path) == ["file.part", "file.part.json"]
    download.fetch(tmp_path / "file", server.url, None, digest)
    assert server.requests[-1] == "bytes=100-"
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_whole_chunked_answer_is_taken(server, tmp_path):
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in (CONTENT[:10], CONTENT[10:])]
    server.raw = [[CHUNKED, *chunks, b"0\r\n\r\n"]]
    download.fetch(tmp_path / "file", server.url, None, DIGEST)
    assert len(server.requests) == 1


def test_a_stream_that_is_too_slow_ends(server, tmp_path, monkeypatch):
    """Every look at the clock finds that much time has passed."""
    ticks = itertools.count(step=1000)
    monkeypatch.setattr(transfer_limits, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    server.raw = [[HEAD + b"\r\n", b"x", b"y"] for _ in range(download.ATTEMPTS)]
    with pytest.raises(UserError, match=r"only . bytes arrived in [\d,]+ s\. What arrived is kept"):
        download.fetch(tmp_path / "file", server.url, None, None)
    assert len(server.requests) == download.ATTEMPTS
    assert names(tmp_path) == ["file.part", "file.part.json"]


@pytest.mark.parametrize("before", [b"HTTP/1.1 200 OK\r\nX: ", CHUNKED])
def test_an_answer_that_drips_ends(server, tmp_path, before):
    """Bytes come often enough, but neither the head nor the length of a chunk is ever whole."""
    server.pause = 0.02
    server.raw = [itertools.chain([before], itertools.repeat(b"1", 1000)) for _ in range(download.ATTEMPTS)]
    with pytest.raises(UserError, match=r"no answer within 0\.2 s"):
        download.fetch(tmp_path / "file", server.url, None, None, transfer_limits.Limits(window=0.2))
    assert not (tmp_path / "file").exists()
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


@pytest.mark.parametrize("length", ["abc", "-5", "1e3", ""])
def test_a_length_that_is_no_number_is_refused(server, tmp_path, length):
    server.raw = [[HEAD + f"Content-Length: {length}\r\n\r\nxyz".encode()]]
    with pytest.raises(UserError, match="which is no number"):
        download.fetch(tmp_path / "file", server.url, None, None)
    assert not (tmp_path / "file").exists()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://127.0.0.1/ä", "try http://127.0.0.1/%C3%A4"),
        ("http://127.0.0.1/a b", "try http://127.0.0.1/a%20b"),
        ("http://127.0.0.1/a\nb", "try http://127.0.0.1/a%0Ab"),
        ("http://[::1/x", "not an address"),
        ("http:///x", "host is missing"),
        ("http://127.0.0.1:99999/x", "not an address"),
        ("http://127.0.0.1:x/x", "not an address"),
    ],
)
def test_an_odd_address_is_refused_in_a_line(tmp_path, address, told):
    with pytest.raises(UserError, match=re.escape(told)) as caught:
        download.fetch(tmp_path / "file", address, None, None)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


def test_a_redirection_to_an_odd_address_is_refused(server, tmp_path):
    server.raw = [[b"HTTP/1.1 302 Found\r\nLocation: http://[::1/x\r\n\r\n"]]
    with pytest.raises(UserError, match="leads on to what is no address"):
        download.fetch(tmp_path / "file", server.url, None, None)
    assert len(server.requests) == 1


def test_names_that_cannot_be_written_are_told_in_a_line(server, tmp_path):
    (tmp_path / "taken").write_text("")
    for output in (tmp_path / ("x" * 300), tmp_path / ("x" * 252), tmp_path / "taken" / "file", tmp_path):
        with pytest.raises(UserError, match=r"name too long|File exists|Not a directory|is a folder"):
            download.fetch(output, server.url, None, None)
    assert names(tmp_path) == ["taken"]


def test_a_damaged_note_of_an_earlier_attempt_is_no_matter(server, tmp_path):
    for note in ("{", "[]", json.dumps({server.url: 1})):
        (tmp_path / "file.part").write_bytes(b"something else")
        (tmp_path / "file.part.json").write_text(note)
        download.fetch(tmp_path / "file", server.url, None, None)
        assert (tmp_path / "file").read_bytes() == CONTENT


def free(monkeypatch, size):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=size))


def test_a_file_that_the_disk_has_no_room_for_is_refused_before_it_comes(server, tmp_path, monkeypatch):
    free(monkeypatch, len(CONTENT) - 1)
    with pytest.raises(UserError, match=r"needs 512,000 bytes, but .* has 511,999 left; make room"):
        download.fetch(tmp_path / "file", server.url, None, DIGEST)
    assert len(server.requests) == 1
    assert (tmp_path / "file.part").stat().st_size == 0
    (tmp_path / "file.part").write_bytes(CONTENT[:1])
    download.fetch(tmp_path / "file", server.url, None, DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_an_endless_file_ends_before_the_disk_is_full(server, tmp_path, monkeypatch):
    free(monkeypatch, 9_999)
    server.raw = [[HEAD + b"\r\n", *[CONTENT] * 9]]
    with pytest.raises(UserError, match=r"of unknown length.*file\.part.*9,999 left"):
        download.fetch(tmp_path / "file", server.url, None, None, transfer_limits.Limits(reserve=10_000))
    assert len(server.requests) == 1
    assert not (tmp_path / "file").exists()


def test_a_full_disk_is_told_and_nothing_lost(server, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "write_text", full)
    with pytest.raises(UserError, match=r"file\.part: No space left on device; make room"):
        download.fetch(tmp_path / "file", server.url, None, None)
    assert len(server.requests) == 1


def test_command(server, tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "served", "w:gz") as file:
        file.addfile(tarfile.TarInfo("x"))
    server.content = (tmp_path / "served").read_bytes()
    arguments = ["fetch", "--url", server.url, "--output", str(tmp_path / "a"), "--extract", str(tmp_path / "folder")]
    monkeypatch.setattr("sys.argv", arguments)
    command.main()
    assert names(tmp_path / "folder") == ["x"]
    monkeypatch.setattr("sys.argv", [*arguments, "--limit", "-1"])
    with pytest.raises(UserError, match="more than -1 bytes"):
        command.main()
    monkeypatch.setattr("sys.argv", [*arguments, "--sha256", "abc"])
    with pytest.raises(UserError, match="64 hexadecimal"):
        command.main()
