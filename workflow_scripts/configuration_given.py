"""Checks of what a configuration says is given: checkpoints, a pretrained model, a ready data-bin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.errors import UserError
from workflow_scripts.pretrained import KEY

PLACES = ("path", "url", "gdrive")


def check(config: Mapping[str, Any], form: str) -> None:
    """Raise `UserError` where it is not said, or said twice, where something is; `form` is the data source's."""
    baseline = config["baseline"].get("checkpoint")
    if baseline and KEY in baseline:
        _check_pretrained(config, baseline, form)
    else:
        _check_checkpoint("baseline.checkpoint", baseline)
        if config["data"]["vocabulary"] != "all":
            raise UserError(
                f"data.vocabulary: {config['data']['vocabulary']} goes with baseline.checkpoint.{KEY} alone: another "
                "vocabulary is made of the run's own text, and has nothing else"
            )
    for name, system in config["systems"].items():
        _check_checkpoint(f"systems.{name}.checkpoint", system.get("checkpoint"))
    if form == "databin":
        _check_place("data.databin", config["data"]["databin"])


def _check_place(where: str, file: Mapping[str, Any]) -> None:
    if sum(key in file for key in PLACES) != 1:
        raise UserError(f"{where}: give exactly one of path, url and gdrive")


def _check_checkpoint(where: str, given: Mapping[str, Any] | None) -> None:
    if given is None:
        return
    if KEY in given:
        raise UserError(
            f"{where}.{KEY}: only the baseline brings a vocabulary of its own; give a model that was trained with the "
            "baseline's as `path`, with `format: transformers`"
        )
    _check_place(where, given)
    if given.get("revision") or isinstance(given.get("sha256"), Mapping):
        key = "revision" if given.get("revision") else "sha256, a digest for each file,"
        raise UserError(f"{where}: {key} goes with baseline.checkpoint.{KEY} alone")


def _check_pretrained(config: Mapping[str, Any], given: Mapping[str, Any], form: str) -> None:
    where = f"baseline.checkpoint.{KEY}"
    if others := sorted(given.keys() - {KEY, "revision", "sha256"}):
        raise UserError(f"{where} says where the model is from and what it is; leave {others[0]} out")
    if not given.get("revision") and not Path(given[KEY]).is_dir():
        raise UserError(
            f"{where}: there is no folder {given[KEY]}; to download a model of that name give the commit, too "
            "(revision: 40 hexadecimal digits; the hub shows it under Files, History)"
        )
    if form not in ("made", "text"):
        raise UserError(
            f"{where} needs text (data.source), which is cut into pieces by the model's own vocabulary; for a data-bin "
            "that was made with it give the checkpoint as `path`, with `format: transformers`"
        )
    for key in ("model", "dictionary"):
        if config["data"]["sentencepiece"][key]:
            raise UserError(f"data.sentencepiece.{key}: the vocabulary is that of {where}; leave it out")
