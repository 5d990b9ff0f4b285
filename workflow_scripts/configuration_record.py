"""With which configuration a run was last made: told before anything of another one is overwritten."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts import configuration
from workflow_scripts.errors import UserError
from workflow_scripts.files import FORMAT, sealed, sha256, write_json, write_text
from workflow_scripts.run import Run

SILENT = ("report", "pairs")
"""Keys that are about what is asked for, not about what any artefact holds."""
SHOWN = 12
"""Differences that are listed, at most."""


def announce(run: Run) -> list[str]:
    """What to say before the run starts: how its configuration differs from the one it was last made with.

    Raises `UserError` when the folder holds results of an older version of this pipeline.
    """
    path = Path(run.paths.record)
    if not path.exists():
        _refuse_old(run)
        return []
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        version = before.get("format")
        told = before["configuration"] if version == FORMAT else {}
    except (ValueError, KeyError, AttributeError):
        raise UserError(f"{path} is damaged: remove it, and start again") from None
    if version != FORMAT:
        raise UserError(_other_format(run, version))
    found = list(differences(told, plain(run)))
    if not found:
        return []
    more = [f"  … and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    head = (
        f"{run.paths.results} was last made with another configuration; what depends on the difference is made again, "
        "over what is there (to keep both, give one another `run` name):"
    )
    return [head, *(f"  {line}" for line in found[:SHOWN]), *more]


def write(run: Run) -> None:
    """Note the configuration that the run is made with from now on; what says so already is left alone.

    `configuration.json` has what decides, `configuration.yaml` beside it all keys in their order: it can be run again.
    """
    whole = yaml.safe_dump(json.loads(json.dumps(run.config)), sort_keys=False, allow_unicode=True)
    path = Path(run.paths.record)
    if not (file := path.with_suffix(".yaml")).exists() or file.read_text(encoding="utf-8") != whole:
        write_text(file, whole)
    content = {"format": FORMAT, "configuration": plain(run), "families": run.families}
    content = sealed(content | {"files": {file.name: sha256(file)}})
    if not path.exists() or json.loads(path.read_text(encoding="utf-8")) != content:
        write_json(path, content)


def differences(before: Any, now: Any, key: str = "") -> Iterator[str]:
    """`key: old -> new` for every key that differs, at the depth where it does."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in [*before, *(name for name in now if name not in before)]:
            yield from differences(before.get(name), now.get(name), f"{key}.{name}" if key else name)
    elif before != now:
        yield f"{key}: {_text(before)} -> {_text(now)}"


def plain(run: Run) -> dict[str, Any]:
    """The configuration as it decides: with the languages in the model's order, without what only packs work."""
    decisive = configuration.decisive(run.config)
    plain = json.loads(json.dumps({key: value for key, value in decisive.items() if key not in SILENT}))
    plain["languages"]["codes"] = list(run.languages)
    return plain


def _text(value: Any) -> str:
    return "–" if value is None else json.dumps(value, ensure_ascii=False)


def _refuse_old(run: Run) -> None:
    """An older version left no record; its manifests have no format, its tables no column `test_set`."""
    manifest, table = Path(run.paths.manifest), Path(run.paths.results) / "tables" / "directions.csv"
    if manifest.exists():
        try:
            found = json.loads(manifest.read_text(encoding="utf-8")).get("format")
        except (ValueError, AttributeError):
            found = None
        if found != FORMAT:
            raise UserError(_other_format(run, found))
    elif table.exists() and "test_set" not in table.read_text(encoding="utf-8").partition("\n")[0].split(","):
        raise UserError(_other_format(run, None))


def _other_format(run: Run, found: Any) -> str:
    return (
        f"{run.paths.results} was made by an older version of this pipeline (format {found or 1}, this one writes "
        f"{FORMAT}: layers count from 0 in every file, and more). Move the folder away (mv {run.paths.results} "
        f"{run.paths.results}-old), or choose another `run` name"
    )
