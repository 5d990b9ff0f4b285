"""Unpack a foreign archive: nothing outside the folder, all or nothing."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path

from workflow_scripts.errors import UserError


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            target = (folder / member.filename).resolve()
            if not target.is_relative_to(folder.resolve()):
                raise UserError(f"{archive}: member {member.filename!r} lies outside the archive; it is not unpacked")
        file.extractall(folder)  # noqa: S202


def _untar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as file:
        # The filter refuses absolute paths, paths and links that lead outside, and devices.
        file.extractall(folder, filter="data")


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar (any compression) or zip archive as `folder`, replacing what is there.

    Raises `UserError` for anything else, for damaged archives, and for members that lead out of the folder; then
    `folder` is left as it was.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(archive):
            _unzip(archive, temporary)
        elif tarfile.is_tarfile(archive):
            _untar(archive, temporary)
        else:
            raise UserError(f"{archive} is neither a tar nor a zip archive")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(temporary, folder)
    except tarfile.FilterError as error:
        raise UserError(f"{archive}: {error}; the archive is not unpacked") from error
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, LZMAError) as error:
        raise UserError(f"{archive} is damaged: {error}; remove it and download it again") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
