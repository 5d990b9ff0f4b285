"""Attempts to run code, to write elsewhere, to fill the disk or to never end, by what a run reads.

An attack succeeds where a file called OWNED appears, anything outside its folder is new or changed, or it returns words
that say what it has reached.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError

from tests.corpus.test_unpack import archive, link, zipped
from tests.steps.test_fetch import CONTENT, DIGEST, Handler
from workflow_scripts import spreadsheets
from workflow_scripts.configuration_files import check as check_files
from workflow_scripts.corpus import transfer_limits
from workflow_scripts.corpus.download import accept, from_url
from workflow_scripts.corpus.unpack import Limits, unpack
from workflow_scripts.errors import UserError
from workflow_scripts.formats.given_weights import check_content
from workflow_scripts.formats.peek import peek
from workflow_scripts.languages import COLUMNS, read_languages
from workflow_scripts.scoring import published

Attempt = Callable[[Path], str | None]


@dataclass(frozen=True)
class Attack:
    """`attempt` is given an empty folder, which is the working folder meanwhile, and must reach nothing beyond it."""

    group: str
    name: str
    attempt: Attempt

    def outcome(self, scratch: Path) -> str:
        """What came of it: refused in which words, harmless, or what it has reached."""
        inside = scratch / "inside"
        inside.mkdir(parents=True)
        (scratch / "victim").write_text("mine")
        with contextlib.chdir(inside), contextlib.redirect_stdout(io.StringIO()):
            try:
                reached = self.attempt(inside)
                said = f"SUCCEEDED: {reached}" if reached else "harmless: taken as what it is"
            except (UserError, WorkflowError) as error:
                said = f"refused: {error}".replace(str(scratch), "…")
            except Exception as error:
                said = f"TRACEBACK: {type(error).__name__}: {error}"
        outside = sorted(path.name for path in scratch.iterdir())
        if outside != ["inside", "victim"] or (scratch / "victim").read_text() != "mine":
            return f"SUCCEEDED: wrote outside its folder ({', '.join(outside)})"
        owned = list(scratch.rglob("OWNED*"))
        return f"SUCCEEDED: {owned[0].name} is there" if owned else " ".join(said.split())


# Code in pickles


class Evil:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("OWNED",)


def _tiny(**more: Any) -> dict[str, Any]:
    return {"args": None, "model": {"encoder.embed_tokens.weight": torch.zeros(4, 2)}, **more}


PICKLES: dict[str, Callable[[], bytes]] = {
    "beside the weights": lambda: _saved(_tiny(extra=Evil())),
    "in place of weights": lambda: _saved(_tiny(model={"encoder.embed_tokens.weight": Evil()})),
    "as the model's settings": lambda: _saved(_tiny(args=Evil())),
    "as a key": lambda: _saved({"model": {}, (1, Evil()): 1}),
    "as all there is": lambda: _saved(Evil()),
    "of torch's older kind": lambda: _saved(_tiny(extra=Evil()), _use_new_zipfile_serialization=False),
    "a plain pickle": lambda: pickle.dumps(_tiny(extra=Evil())),
    "a pickle by hand": lambda: b"cos\nmkdir\n(S'OWNED'\ntR.",
    "builtins.exec": lambda: b"cbuiltins\nexec\n(S'import os; os.mkdir(\"OWNED\")'\ntR.",
}


def _saved(content: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def _unpickled(content: Callable[[], bytes], read: Callable[[Path], Any], folder: Path) -> None:
    (folder / "model.pt").write_bytes(content())
    read(folder / "model.pt")


# Code in configurations, tables and names

YAML = {
    "a call": "run: !!python/object/apply:os.mkdir [OWNED]\n",
    "a new object": "run: !!python/object/new:os.mkdir [OWNED]\n",
    "a module": "run: !!python/module:antigravity\n",
    "a bomb of references": "a: &a [x, x]\n"
    + "".join(f"{n}: &{n} [*{p}, *{p}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)),
}
CODES = (
    "qa$(touch OWNED)",
    "|touch OWNED",
    "`touch OWNED`",
    "a;touch OWNED",
    "../victim",
    "a\nb",
    "a&b",
    "a>OWNED",
    "{x}",
    "",
)
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-1", "@SUM(A1)", "\tx", "\r=1", '=HYPERLINK("http://x","y")')


def _configured(text: str, folder: Path) -> None:
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    check_files([folder / "config.yaml"])
    load_configfile(str(folder / "config.yaml"))


def _language(column: str, text: str, folder: Path) -> str | None:
    cells = dict.fromkeys(COLUMNS, "x") | {column: text}
    quoted = ('"{}"'.format(cell.replace('"', '""')) for cell in cells.values())
    (folder / "l.tsv").write_text("\t".join(COLUMNS) + "\n" + "\t".join(quoted) + "\n", encoding="utf-8", newline="")
    return f"{column} {text!r} was taken" if read_languages(folder / "l.tsv") else None


def _published(text: str, folder: Path) -> str | None:
    quoted = '"{}"'.format(text.replace('"', '""'))
    content = f"system,pair,metric,score\n{quoted},en-de,BLEU,1\n"
    (folder / "p.csv").write_text(content, encoding="utf-8", newline="")
    taken = [row["system"] for row in published.read(folder / "p.csv")]
    return f"{taken[0]!r} was taken" if taken and taken[0].startswith(spreadsheets.BEGINNINGS) else None


# Archives

SMALL = Limits(size=300_000, ratio=10, harmless=100_000, members=50, header=10_000)


def _special(kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo("OWNED")
    info.type = kind
    return info


def _zip_link(path: Path) -> Path:
    info = zipfile.ZipInfo("OWNED")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(info, "../victim")
    return path


TARS: dict[str, dict[str, Any]] = {
    "a path upwards": {"../OWNED": b"x"},
    "a path upwards from below": {"a/../../victim": b"x"},
    "an absolute path": {"/tmp/inside/x": b"x"},  # noqa: S108 - a name in an archive
    "a link upwards": {"l": link("l", "../victim")},
    "a link, and a file through it": {"l": link("l", ".."), "l/OWNED": b"x"},
    "an absolute link": {"l": link("l", "/etc/passwd")},
    "a hard link upwards": {"l": link("l", "../victim", tarfile.LNKTYPE)},
    "a link to itself": {"l": link("l", "l")},
    "a device": {"d": _special(tarfile.CHRTYPE)},
    "a disk": {"d": _special(tarfile.BLKTYPE)},
    "a pipe": {"d": _special(tarfile.FIFOTYPE)},
    "a control character": {"a\x1b[2Jb": b"x"},
    "a line feed": {"a\nb": b"x"},
    "a backslash": {"..\\..\\victim": b"x"},
    "a name longer than any": {"x" * 5000: b"x"},
    "a name longer than a file's": {"x" * 300: b"x"},
    "a bomb by its ratio": {"a": bytes(200_000)},
    "a bomb by its size": {str(n): os.urandom(100_000) for n in range(4)},
    "a bomb by its members": {str(n): b"" for n in range(60)},
    "a name in a shell's way": {"$(touch OWNED)": b"x"},
}


def _unpacked(make: Callable[..., Path], members: dict[str, Any], folder: Path) -> str | None:
    """Unpack; what a shell would take for code is a name like others."""
    unpack(make(folder / "packed", members), folder / "here", SMALL)
    taken = sum(path.stat().st_size for path in (folder / "here").rglob("*") if path.is_file())
    strange = [
        path for path in (folder / "here").rglob("*") if path.is_symlink() or not (path.is_file() or path.is_dir())
    ]
    (folder / "here/$(touch OWNED)").unlink(missing_ok=True)
    return f"{taken} bytes" if taken > SMALL.size else f"{strange[0]} is no file" if strange else None


# Downloads

QUICK = replace(transfer_limits.LIMITS, silence=1.0, window=0.3, slowest=1000.0)
HEAD = b"HTTP/1.1 200 OK\r\n"
ANSWERS: dict[str, tuple[list[bytes], float]] = {
    "cut": ([HEAD + b"Content-Length: 900\r\n\r\n", b"x" * 9], 0),
    "cut within a chunk": ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n900\r\n", b"x" * 9], 0),
    "chunks that do not end": ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"], 0),
    "a byte at a time": ([HEAD + b"Content-Length: 900\r\n\r\n", *[b"x"] * 60], 0.02),
    "a head that never ends": ([b"HTTP/1.1 200 OK\r\n", *[b"X-A: b\r\n"] * 60], 0.02),
    "silence": ([b""] * 60, 0.02),
    "a length that is no number": ([HEAD + b"Content-Length: abc\r\n\r\n", b"x"], 0),
    "a negative length": ([HEAD + b"Content-Length: -5\r\n\r\n", b"x"], 0),
    "more than any disk holds": ([HEAD + b"Content-Length: 99999999999999999\r\n\r\n", b"x"], 0),
    "on to a file": ([b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"], 0),
    "on to FTP": ([b"HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n"], 0),
    "other bytes than those pinned": ([HEAD + b"Content-Length: 4\r\n\r\nevil"], 0),
    "a page instead": ([HEAD + b"Content-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"], 0),
    "no HTTP": ([b"SSH-2.0-x\r\n"], 0),
}
ADDRESSES = (
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "//127.0.0.1/x",
    "http://[::1",
    "http://127.0.0.1:99999/x",
    "http://127.0.0.1/a b",
)
ADDRESSES += ("http://127.0.0.1/\r\nX: y", "http:///x", "gopher://127.0.0.1/x", "http://127.0.0.1/é")


def _answered(parts: list[bytes], pause: float, folder: Path) -> str | None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.etag, server.cut, server.fail, server.requests = CONTENT, '"one"', [], [], []
    server.raw, server.pause, server.ending = [parts] * 9, pause, threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        return _downloaded(f"http://127.0.0.1:{server.server_address[1]}/file", folder)
    finally:
        server.ending.set()
        server.shutdown()
        server.server_close()


def _downloaded(url: str, folder: Path) -> str | None:
    from_url(url, folder / "file.part", True, pause=0, limits=QUICK)
    accept(folder / "file.part", folder / "file", DIGEST, url)
    return "a file was taken that is not the one pinned"


def all_attacks() -> Iterator[Attack]:
    """Every attack."""
    for name, content in PICKLES.items():
        yield Attack("code in a checkpoint", name, partial(_unpickled, content, check_content))
        yield Attack("code in a checkpoint", f"{name}, peeked into", partial(_unpickled, content, peek))
    for name, text in YAML.items():
        yield Attack("code in a configuration", name, partial(_configured, text))
    for code in CODES:
        yield Attack("a language's code", repr(code), partial(_language, "code", code))
    for formula in FORMULAS:
        for column in COLUMNS[1:]:
            yield Attack("a formula in a language table", f"{column} {formula!r}", partial(_language, column, formula))
        yield Attack("a formula in published scores", repr(formula), partial(_published, formula))
    for name, members in TARS.items():
        yield Attack("a tar archive", name, partial(_unpacked, archive, members))
        if not any(isinstance(content, tarfile.TarInfo) for content in members.values()):
            yield Attack("a zip archive", name, partial(_unpacked, zipped, members))
    yield Attack(
        "a zip archive", "a link upwards", lambda folder: unpack(_zip_link(folder / "p"), folder / "here", SMALL)
    )
    for name, (parts, pause) in ANSWERS.items():
        yield Attack("an answer to a download", name, partial(_answered, parts, pause))
    for address in ADDRESSES:
        yield Attack("an address", repr(address), partial(_downloaded, address))
