"""Download a file, resume it where it broke off, and let only what has the right digest get its name."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from pathlib import Path

from workflow_scripts.errors import UserError
from workflow_scripts.files import sha256, write_text
from workflow_scripts.progress import Progress

CHUNK = 1 << 20
ATTEMPTS = 5
TIMEOUT = 60.0


class InterruptedTransferError(Exception):
    """The transfer ended early; what arrived is kept and can be continued."""


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _once(url: str, part: Path, pinned: bool) -> None:
    """One attempt: continue `part` if the server's file is still the same (or a digest will tell), else start anew."""
    note = _beside(part, ".json")
    validator = json.loads(note.read_text()).get(url, "") if note.is_file() else ""
    have = part.stat().st_size if part.exists() and (validator or pinned) else 0
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})  # noqa: S310
    if have:
        request.add_header("Range", f"bytes={have}-")
        if validator:
            request.add_header("If-Range", validator)
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        # The range lies beyond the end: the part is complete, or longer than the file and not of it.
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{have}":
            return
        if error.code == 416:
            part.unlink()
        raise
    with answer:
        continued = answer.status == 206
        if continued and not (answer.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
            raise UserError(f"{url}: the server answered with another range than asked; remove {part} and try again")
        start = have if continued else 0
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        etag = answer.headers.get("ETag", "")
        # A weak tag may stand for different bytes.
        write_text(note, json.dumps({url: etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")}))
        progress, done = Progress(f"download {part.stem}", total or 0, "bytes", start), start
        with part.open("ab" if continued else "wb") as file:
            try:
                while block := answer.read(CHUNK):
                    file.write(block)
                    done += len(block)
                    progress.update(done)
            except http.client.IncompleteRead as error:
                file.write(error.partial)
                done += len(error.partial)
    if total is not None and done < total:
        raise InterruptedTransferError(f"{done:,} of {total:,} bytes arrived")


def from_url(url: str, part: Path, pinned: bool, pause: float = 2.0) -> None:
    """Download `url` to `part`, going on after interruptions, up to `ATTEMPTS` times.

    `pinned` says that the result's digest will be checked. Raises `UserError` when the server refuses or cannot be
    reached; what arrived stays for the next try.
    """
    if not url.startswith(("https://", "http://")):
        raise UserError(f"{url}: only http and https addresses can be downloaded; name a local file by its path")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _once(url, part, pinned)
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (416, 429):
                raise UserError(f"{url}: the server answers {error.code} {error.reason}; check the address") from error
            problem: Exception = error
        except (OSError, http.client.HTTPException, InterruptedTransferError) as error:
            problem = error
        print(f"[download] attempt {attempt} of {ATTEMPTS} broke off: {problem}", flush=True)
        if attempt < ATTEMPTS:
            time.sleep(pause * attempt)
    raise UserError(f"{url}: {problem}. What arrived is kept in {part}; run again to go on")


def from_gdrive(identifier: str, part: Path) -> None:
    """Download a Google Drive file by id to `part`, continuing it. Raises `UserError` when that is not possible."""
    import gdown

    try:
        found = gdown.download(id=identifier, output=str(part), resume=True, quiet=True)
    except Exception as error:  # gdown's own, requests' and urllib3's: all mean that the file did not arrive
        raise UserError(
            f"Google Drive file {identifier}: {error}. Try later, or download it with a browser and name it by its path"
        ) from error
    if found is None:
        raise UserError(f"Google Drive file {identifier} could not be downloaded; name a local copy by its path")


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
    write_text(_beside(output, ".sha256"), f"{found}  {output.name}\n")
    return found


def contradicted(output: Path, expected: str | None) -> str:
    """`expected` where the digest recorded beside a finished download is another one, else "".

    What depends on this instead of on the digest itself is not made again when the right digest is pinned later.
    """
    note = _beside(output, ".sha256")
    recorded = note.read_text(encoding="utf-8").split()[:1] if note.is_file() else []
    return expected if expected and recorded and recorded != [expected.lower()] else ""


def fetch(output: Path, url: str | None, gdrive: str | None, expected: str | None) -> None:
    """Have the file of `url` or of Google Drive id `gdrive` at `output`, verified; a right file there is kept."""
    source = url or f"Google Drive file {gdrive}"
    if output.is_file() and expected and sha256(output) == expected.lower():
        print(f"[download] {output} is there already and has the right digest")
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(output, ".part")
    if url:
        from_url(url, part, bool(expected))
    else:
        from_gdrive(str(gdrive), part)
    accept(part, output, expected, source)
    _beside(part, ".json").unlink(missing_ok=True)
    print(f"[download] {output}: {output.stat().st_size:,} bytes")
