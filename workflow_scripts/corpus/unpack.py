"""Unpack a foreign archive: nothing outside the folder, nothing beyond the limits, all or nothing."""

from __future__ import annotations

import errno
import os
import posixpath
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path

from workflow_scripts.errors import UserError
from workflow_scripts.files import temporary_of


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to."""

    size: int = 200 * 10**9
    """Bytes in all."""
    ratio: float = 200.0
    """Bytes for each byte of the archive, once `harmless` is exceeded. Text and indexed data stay far below."""
    harmless: int = 10**8
    """Bytes that may be unpacked whatever the ratio."""
    members: int = 10**6
    """Files, folders and links."""
    header: int = 1 << 20
    """Bytes of one member's description, which is read into memory."""


LIMITS = Limits()
BY_HAND = "if you trust it, unpack it yourself and name the folder by its path"
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, LZMAError, struct.error)
# What a tar archive's members are described with: read into memory whole.
DESCRIPTIONS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


class _Tally:
    """Counts what an archive's members will take, before they are written."""

    def __init__(self, archive: Path, folder: Path, limits: Limits) -> None:
        self.archive, self.folder, self.limits = archive, folder, limits
        self.members = self.size = 0
        self.packed = archive.stat().st_size
        self.free = shutil.disk_usage(folder).free

    def refuse(self, reason: str) -> UserError:
        """The refusal to raise."""
        return UserError(f"{self.archive}: {reason}; the archive is not unpacked ({BY_HAND})")

    def add(self, name: str, size: int) -> None:
        """Count a member of `size` bytes. Raises `UserError` for a name or a size that is refused."""
        if any(letter == "\\" or unicodedata.category(letter) == "Cc" for letter in name):
            raise self.refuse(f"the name {name!r} has a backslash, a line feed or another control character")
        if ".." in name.split("/"):
            raise self.refuse(f"member {name!r} could lie outside the archive")
        if size < 0:
            raise self.refuse(f"member {name!r} says that it has {size} bytes")
        self.members, self.size = self.members + 1, self.size + size
        if self.members > self.limits.members:
            raise self.refuse(f"it has more than {self.limits.members:,} members")
        if self.size > self.limits.size:
            raise self.refuse(f"it unpacks to more than {self.limits.size:,} bytes")
        if self.size > max(self.limits.harmless, self.limits.ratio * self.packed):
            raise self.refuse(f"its {self.packed:,} bytes unpack to more than {self.limits.ratio:g} times as many")
        if self.size > self.free:
            raise UserError(
                f"{self.archive} unpacks to at least {self.size:,} bytes, but {self.folder.parent} has {self.free:,} "
                "left; make room and run again"
            )


def _unzip(archive: Path, folder: Path, tally: _Tally) -> None:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            if member.flag_bits & 1:
                raise tally.refuse(f"member {member.filename!r} is encrypted")
            if stat.S_ISLNK(member.external_attr >> 16):
                raise tally.refuse(f"member {member.filename!r} is a link, which zip archives cannot bring")
            tally.add(member.filename, member.file_size)
        file.extractall(folder)  # noqa: S202


def _untar(archive: Path, folder: Path, tally: _Tally) -> None:
    class Member(tarfile.TarInfo):
        """Refuses descriptions that are too long to be read into memory."""

        def _proc_member(self, file: tarfile.TarFile) -> tarfile.TarInfo:
            if self.size < 0 or (self.type in DESCRIPTIONS and self.size > tally.limits.header):
                raise tally.refuse(f"a member's description says that it has {self.size:,} bytes")
            return super()._proc_member(file)

    def counted(file: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
        sizes: dict[str, int] = {}
        for member in file:
            # A hard link may be written as a copy; other members than files have no bytes, whatever they say.
            size = sizes.get(posixpath.normpath(member.linkname), 0) if member.islnk() else member.size
            tally.add(member.name, size if member.isreg() or member.islnk() else min(size, 0))
            # What cannot climb cannot leave, whatever links lead to one another.
            if ".." in member.linkname.split("/"):
                raise tally.refuse(f"the link {member.name!r} could lead outside the archive")
            sizes[posixpath.normpath(member.name)] = size
            yield member
        # tarfile takes any broken header, and the end of the file, for the archive's end.
        file.fileobj.seek(file.offset)
        if file.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("its end is missing")

    try:
        file = tarfile.open(archive, tarinfo=Member)  # noqa: SIM115 - closed below
    except tarfile.ReadError as error:
        raise UserError(f"{archive} is neither a tar nor a zip archive, or its beginning is damaged") from error
    with file:
        # The filter refuses absolute paths, paths and links that lead outside, and devices.
        file.extractall(folder, counted(file), filter="data")


def _check_links(folder: Path, tally: _Tally) -> None:
    """Raise `UserError` for links that lead to themselves, directly or by others."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            try:
                if path.is_symlink():
                    path.stat()
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise tally.refuse(f"the link {str(path.relative_to(folder))!r} leads to itself") from error
                raise


def unpack(archive: Path, folder: Path, limits: Limits = LIMITS) -> None:
    """Unpack a tar (any compression) or zip archive as `folder`, replacing what is there.

    Raises `UserError` for anything else, for damaged archives, for members that lead out of the folder or have odd
    names, and for what exceeds the limits or the disk; then `folder` is left as it was.
    """
    temporary = temporary_of(folder)
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        tally = _Tally(archive, temporary, limits)
        (_unzip if zipfile.is_zipfile(archive) else _untar)(archive, temporary, tally)
        _check_links(temporary, tally)
        if folder.is_symlink() or folder.is_file():
            raise UserError(f"{folder} is in the way: a file, not a folder; remove it and run again")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(temporary, folder)
    except tarfile.FilterError as error:
        raise UserError(f"{archive}: {error}; the archive is not unpacked") from error
    except (*DAMAGED, KeyError, ValueError, OverflowError) as error:
        raise UserError(f"{archive} is damaged: {error}; remove it and download it again") from error
    except RuntimeError as error:
        raise UserError(f"{archive}: {error}; the archive is not unpacked ({BY_HAND})") from error
    except OSError as error:
        if error.errno is None:
            raise UserError(f"{archive} is damaged: {error}; remove it and download it again") from error
        raise UserError(f"{archive} cannot be unpacked: {error.filename or folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
