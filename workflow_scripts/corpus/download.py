"""Download a file, resume it where it broke off, and let only what has the right digest get its name."""

from __future__ import annotations

import errno
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_scripts.corpus.transfer_limits import LIMITS, InterruptedTransferError, Limits, Watch, within
from workflow_scripts.errors import UserError
from workflow_scripts.files import sha256, write_text
from workflow_scripts.progress import Progress

CHUNK = 1 << 20
ATTEMPTS = 5


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@contextmanager
def _own(path: Path) -> Iterator[None]:
    """Errors of our own files are not the server's: they end the download, with the file's name and the reason."""
    try:
        yield
    except OSError as error:
        remedy = "make room" if error.errno == errno.ENOSPC else "choose another name or folder, or its permissions"
        raise UserError(f"{path}: {error.strerror or error}; {remedy} and run again") from error


def _check_address(url: str) -> None:
    """Raise `UserError` unless `url` is an http or https address that can be asked for as it stands."""
    if not url.startswith(("https://", "http://")):
        raise UserError(f"{url}: only http and https addresses can be downloaded; name a local file by its path")
    try:
        parts = urllib.parse.urlsplit(url)
        valid = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise UserError(f"{url!r} is not an address: {error}") from error
    if not valid:
        raise UserError(f"{url!r} is not an address: the host is missing, or the port is 0")
    if not url.isascii() or not url.isprintable() or " " in url:
        encoded = urllib.parse.quote(url, safe="%/:=&?~#+!$,;'@()*[]")
        raise UserError(f"{url!r} holds characters that an address cannot: try {encoded}")


def _validator(note: Path, url: str) -> str:
    """What the server named the version that an earlier attempt has begun to load, or ""."""
    try:
        told = json.loads(note.read_text(encoding="utf-8"))[url]
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return ""
    return told if isinstance(told, str) else ""


def _length(answer: http.client.HTTPResponse, url: str) -> int | None:
    """How many bytes the answer announces. Raises `UserError` when that is no number."""
    told = answer.headers.get("Content-Length")
    # The chunks of a chunked answer tell its end themselves.
    if told is None or answer.chunked:
        return None
    if not (told.isascii() and told.isdecimal()):
        raise UserError(f"{url}: the server announces a length of {told!r}, which is no number; try another address")
    return int(told)


def _blocks(answer: http.client.HTTPResponse, limits: Limits) -> Iterator[bytes]:
    """The answer's bytes as they come. Raises `InterruptedTransferError` when it is cut or falls silent."""
    while True:
        try:
            with within(limits.window):
                block = answer.read1(CHUNK)
        except http.client.IncompleteRead as error:
            raise InterruptedTransferError("the answer was cut") from error
        except (OSError, http.client.HTTPException) as error:
            raise InterruptedTransferError(str(error)) from error
        if not block:
            return
        yield block


def _once(url: str, part: Path, pinned: bool, limits: Limits) -> None:
    """One attempt: continue `part` if the server's file is still the same (or a digest will tell), else start anew."""
    note = _beside(part, ".json")
    with _own(part):
        validator = _validator(note, url)
        have = part.stat().st_size if part.exists() and (validator or pinned) else 0
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})  # noqa: S310
    if have:
        request.add_header("Range", f"bytes={have}-")
        if validator:
            request.add_header("If-Range", validator)
    try:
        with within(limits.window):
            answer = urllib.request.urlopen(request, timeout=limits.silence)  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        # The range lies beyond the end: the part is complete, or longer than the file and not of it.
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{have}":
            return
        if error.code == 416:
            part.unlink()
        raise
    with answer:
        _check_address(answer.url)
        continued = answer.status == 206
        if continued and not (answer.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
            raise UserError(f"{url}: the server answered with another range than asked; remove {part} and try again")
        start = have if continued else 0
        length = _length(answer, url)
        total = None if length is None else start + length
        etag = answer.headers.get("ETag", "")
        with _own(part):
            # A weak tag may stand for different bytes.
            tag = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
            write_text(note, json.dumps({url: tag}))
        progress, watch, done = (
            Progress(f"download {part.stem}", total or 0, "bytes", start),
            Watch(url, part, limits),
            start,
        )
        # Closing the file is inside: what is left in its buffer may not fit on the disk either.
        with _own(part), part.open("ab" if continued else "wb") as file:
            watch(done, total)
            for block in _blocks(answer, limits):
                file.write(block)
                done += len(block)
                progress.update(done)
                watch(done, total)
    if total is not None and done < total:
        raise InterruptedTransferError(f"{done:,} of {total:,} bytes arrived")


def from_url(url: str, part: Path, pinned: bool, pause: float = 2.0, limits: Limits = LIMITS) -> None:
    """Download `url` to `part`, going on after interruptions, up to `ATTEMPTS` times.

    `pinned` says that the result's digest will be checked. Raises `UserError` when the server refuses, cannot be
    reached, or is too slow; what arrived stays for the next try.
    """
    _check_address(url)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _once(url, part, pinned, limits)
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (416, 429):
                raise UserError(f"{url}: the server answers {error.code} {error.reason}; check the address") from error
            problem: Exception = error
        except (OSError, http.client.HTTPException, InterruptedTransferError) as error:
            problem = error
        except ValueError as error:
            raise UserError(f"{url}: the server leads on to what is no address ({error}); check the address") from error
        print(f"[download] attempt {attempt} of {ATTEMPTS} broke off: {problem}", flush=True)
        if attempt < ATTEMPTS:
            time.sleep(pause * attempt)
    raise UserError(f"{url}: {problem}. What arrived is kept in {part}; run again to go on")


def from_gdrive(identifier: str, part: Path, limits: Limits = LIMITS) -> None:
    """Download a Google Drive file by id to `part`, continuing it. Raises `UserError` when that is not possible."""
    import gdown

    source = f"Google Drive file {identifier}"
    watch = Watch(source, part, limits)
    try:
        found = gdown.download(
            id=identifier, output=str(part), resume=True, quiet=True, timeout=limits.silence, progress=watch
        )
    except UserError:
        raise
    except Exception as error:  # gdown's own, requests' and urllib3's: all mean that the file did not arrive
        raise UserError(
            f"{source}: {error}. Try later, or download it with a browser and name it by its path"
        ) from error
    if found is None:
        raise UserError(f"{source} could not be downloaded; name a local copy by its path")


def accept(part: Path, output: Path, expected: str | None, source: str) -> str:
    """Give a finished download its name if its digest is right; returns the digest.

    A wrong one is set aside as `{output}.rejected` and `UserError` raised. Without an `expected` digest the file is
    taken, with a warning that says what to pin. `{output}.sha256` records the digest either way of acceptance.
    """
    found = sha256(part)
    if expected and found != expected.lower():
        rejected = _beside(output, ".rejected")
        part.replace(rejected)
        raise UserError(
            f"{source}: the SHA-256 is {found}, but {expected} was expected. The file is kept aside as {rejected} and "
            "is not used: it is damaged, has been exchanged, or the configured sha256 is wrong"
        )
    if not expected:
        print(f"[download] WARNING: no sha256 is configured, so {source} is not verified. To pin it:", flush=True)
        print(f"[download]   sha256: {found}", flush=True)
    part.replace(output)
    _note(output, found)
    return found


def _note(output: Path, found: str) -> None:
    """Record the digest of a finished download, and forget what its transfer needed to go on."""
    write_text(_beside(output, ".sha256"), f"{found}  {output.name}\n")
    _beside(_beside(output, ".part"), ".json").unlink(missing_ok=True)


def contradicted(output: Path, expected: str | None) -> str:
    """`expected` where the digest recorded beside a finished download is another one, else "".

    What depends on this instead of on the digest itself is not made again when the right digest is pinned later.
    """
    note = _beside(output, ".sha256")
    recorded = note.read_text(encoding="utf-8", errors="replace").split()[:1] if note.is_file() else []
    return expected if expected and recorded and recorded != [expected.lower()] else ""


def fetch(output: Path, url: str | None, gdrive: str | None, expected: str | None, limits: Limits = LIMITS) -> None:
    """Have the file of `url` or of Google Drive id `gdrive` at `output`, verified; a right file there is kept."""
    source = url or f"Google Drive file {gdrive}"
    with _own(output):
        if output.is_dir():
            raise UserError(f"{output} is a folder; name the file to write")
        if output.is_file() and expected and sha256(output) == expected.lower():
            print(f"[download] {output} is there already and has the right digest")
            # A kill may have come before that was recorded.
            _note(output, expected.lower())
            return
        output.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(output, ".part")
    if url:
        from_url(url, part, bool(expected), limits=limits)
    else:
        from_gdrive(str(gdrive), part, limits)
    with _own(output):
        accept(part, output, expected, source)
        print(f"[download] {output}: {output.stat().st_size:,} bytes")
