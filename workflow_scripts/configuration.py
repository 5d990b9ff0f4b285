"""What a configuration means: directions, systems and training settings, with the checks a schema cannot express."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema

from workflow_scripts import configuration_given, configuration_values, sweeps
from workflow_scripts.corpus.sources import SOURCES
from workflow_scripts.corpus.test_sets import available
from workflow_scripts.direction import Direction, joined
from workflow_scripts.engines import ENGINES
from workflow_scripts.engines.configured import check as check_engine
from workflow_scripts.errors import UserError
from workflow_scripts.languages import Language, read_languages
from workflow_scripts.paths import Paths
from workflow_scripts.schema import load as load_schema
from workflow_scripts.scoring.existing import find_directions
from workflow_scripts.scoring.names import chosen
from workflow_scripts.systems.system import System, Systems, Weights, kind_of
from workflow_scripts.training.course import PROCESSES

Config = Mapping[str, Any]
MOVED = {
    "activations.positions": "padding is now always counted beside the rest, and `systems.NAME.masks.positions: all` "
    "has a system's neurons chosen by it"
}
"""What says now what a key of an earlier version said."""


def complete(config: Config, schema: Path) -> dict[str, Any]:
    """A copy of `config` with every default of `schema` (YAML) filled in, and every system that `sweeps` makes.

    Raises `UserError` for the first key that the schema does not allow, in words a person can act on.
    """
    rules = load_schema(schema)
    configuration_values.check(config)
    # Snakemake keeps ordered mappings, the validator wants plain ones.
    filled = json.loads(json.dumps(config))
    if isinstance(filled.get("systems"), dict):
        filled["systems"] = sweeps.expanded(filled["systems"], rules)
    problem = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(rules).iter_errors(filled))
    if problem is None:
        _Filling(rules).validate(filled)
        return filled
    where = ".".join(map(str, problem.absolute_path)) or "the configuration"
    message = problem.message
    if problem.validator == "type":
        message += configuration_values.hint(problem.instance, problem.validator_value)
    if problem.validator == "additionalProperties":
        known = sorted(problem.schema.get("properties", {}))
        unknown = sorted(set(problem.instance) - set(known))
        message = f"unknown key {', '.join(unknown)}; known keys are {', '.join(known)}"
        message += "".join(f"; {MOVED[key]}" for name in unknown if (key := f"{where}.{name}") in MOVED)
    raise UserError(f"{where}: {message} (config/schema.yaml describes every key)")


def _fill(validator: Any, properties: Mapping[str, Any], instance: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    """jsonschema's keyword `properties`, which also sets what is left out."""
    if isinstance(instance, dict):
        for name, rule in properties.items():
            if "default" in rule:
                instance.setdefault(name, copy.deepcopy(rule["default"]))
    yield from jsonschema.Draft202012Validator.VALIDATORS["properties"](validator, properties, instance, schema)


_Filling = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"properties": _fill})


def languages(config: Config, base: Path) -> dict[str, Language]:
    """The run's languages in the model's order; tables are looked up from the working folder, then from `base`."""
    table_path = located(config["languages"]["table"], base)
    table = read_languages(table_path)
    codes = config["languages"]["codes"] or list(table)
    if config["languages"]["pivot"] not in codes:
        raise UserError(f"languages.pivot is {config['languages']['pivot']}, which languages.codes does not list")
    for code in codes:
        if code not in table:
            raise UserError(f"languages.codes: {code} has no row in {table_path}; add it (code, name, family, …)")
    return {code: table[code] for code in codes}


def located(path: str, base: Path) -> Path:
    """`path` from the working folder if it is there, else from `base` (the folder of the Snakefile)."""
    return Path(path) if Path(path).exists() else base / path


def directions(config: Config, codes: Sequence[str]) -> list[Direction]:
    """The directions the model is trained on; `codes` are the run's languages."""
    listed, pivot = config["languages"]["directions"], config["languages"]["pivot"]
    if listed == "all":
        others = [code for code in codes if code != pivot]
        return [Direction(pivot, code) for code in others] + [Direction(code, pivot) for code in others]
    return _checked(listed, "languages.directions", codes)


def pairs(config: Config, codes: Sequence[str]) -> list[Direction]:
    """The directions to decode and score: all of the model's, or those that `pairs` names."""
    known = directions(config, codes)
    if config["pairs"] == "all":
        return known
    chosen = _checked(config["pairs"], "pairs", codes)
    for pair in chosen:
        if pair not in known:
            raise UserError(
                f"pairs: {pair} is not a direction of this run (languages.directions); it has {joined(known)}"
            )
    return chosen


def _checked(listed: str | list[str], key: str, codes: Sequence[str]) -> list[Direction]:
    try:
        found = [Direction.parse(text.strip()) for text in (listed.split(",") if isinstance(listed, str) else listed)]
    except UserError as error:
        raise UserError(f"{key}: {error}") from None
    for pair in found:
        for code in pair.languages:
            if code not in codes:
                raise UserError(f"{key}: {pair} names language {code}, which languages.codes does not list")
    if len(set(found)) < len(found):
        raise UserError(f"{key}: a direction stands twice in {joined(found)}")
    if not found:
        raise UserError(f"{key}: no direction is listed")
    return found


def test_sets(config: Config, pairs: Sequence[Direction]) -> Iterator[tuple[str, str, str, list[Direction]]]:
    """`(name, folder, split, directions)` of every further test set: those of `pairs` whose text the folder has."""
    for name, given in config["test_sets"].items():
        folder, split = (given, "test") if isinstance(given, str) else (given["path"], given["split"])
        if not Path(folder).is_dir():
            raise UserError(f"test_sets.{name}: there is no folder {folder}")
        found = available(folder, split, pairs)
        if not found:
            raise UserError(
                f"test_sets.{name}: {folder} has no text of split {split} for any direction that is scored; it needs "
                f"{split}.A-B.A and {split}.A-B.B, or {split}.A for every language"
            )
        yield name, folder, split, found


def imported(config: Config, pairs: Iterable[Direction]) -> dict[str, tuple[Path, dict[Direction, list[Path]]]]:
    """Folder, and files by direction, of every system whose translations exist already."""
    found = {}
    for name, system in systems(config).items():
        if system.kind.texts:
            folder = system.kind.texts(config, system.settings)
            try:
                found[name] = (folder, find_directions(folder, pairs))
            except UserError as error:
                raise UserError(f"systems.{name}.{', '.join(system.kind.required)}: {error}") from None
    return found


def systems(config: Config) -> Systems:
    """The systems of a run. Raises `UserError` where the keys of one do not go together."""
    return Systems(
        {
            name: System(
                name,
                settings,
                kind_of(settings, f"systems.{name}"),
                training(config, name),
                config["seed"],
                Paths(config["run"]),
            )
            for name, settings in config["systems"].items()
        }
    )


def training(config: Config, system: str | None = None) -> dict[str, Any]:
    """Training settings of a system, or of the baseline: `training`, with what the stage and the system override."""
    stage = config["baseline"] if system is None else config["specialize"]
    own = {"freeze": []} if system is None else config["systems"][system].get("training", {})
    return {"seed": config["seed"], **config["training"], **stage.get("training", {}), **own}


def decisive(config: Config) -> dict[str, Any]:
    """A configuration without what only says where, and in how large jobs, work is done."""
    kept = {key: value for key, value in config.items() if key != "jobs"}

    def without(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: without(part) for key, part in value.items() if key not in PROCESSES}

    for section in ("training", "baseline", "specialize", "systems"):
        kept[section] = without(kept[section])
    return kept


def check(config: Config, codes: Sequence[str]) -> None:
    """Raise `UserError` for whatever is wrong between keys that are each valid by the schema."""
    pairs(config, codes)
    check_engine(config["decode"])
    _check_paths(config)
    for name in config["jobs"]["retrain"]:
        if name != "baseline" and name not in config["systems"]:
            raise UserError(f"jobs.retrain: there is no system {name}; there are {list(config['systems'])}")
    found = systems(config)
    for system in found.values():
        system.check(config)
        _check_activations(system, directions(config, codes))
        _check_engine(config, system)
    _check_crossed(config, found)
    _check_model(config, found.trained)
    form = SOURCES[config["data"]["source"]].form
    if form == "text" and not config["text"]:
        raise UserError("data.source is text: say which folder it lies in, `text: FOLDER` or `--config text=FOLDER`")
    configuration_given.check(config, form)
    if (form == "none") != (not found.models):
        raise UserError(
            "data.source: none goes with systems that are all existing translations, and only with them; "
            f"it is {config['data']['source']}"
        )


def _check_activations(system: System, directions: Iterable[Direction]) -> None:
    """Statistics of another baseline are there, for every direction."""
    if not system.kind.masks or not system.settings["masks"].get("activations"):
        return
    if missing := [file for file in system.activations(directions) if not Path(file).is_file()]:
        raise UserError(
            f"systems.{system.name}.masks.activations: there is no {missing[0]}; name a folder with the activations of "
            "every direction (results/OTHER/activations of a run with another baseline, say)"
        )


def _check_crossed(config: Config, found: Systems) -> None:
    for name in config["report"]["crossed"]:
        if name not in found.lending:
            known = ", ".join(found.lending) or "none"
            raise UserError(f"report.crossed: {name} is no system with masks (there are: {known}); leave it out")
    counted = [key for key, metric in chosen(config["score"]).items() if metric.step == "score"]
    if config["report"]["crossed"] and not counted:
        raise UserError("report.crossed is scored by metrics that count: name one in score.metrics (bleu, say)")


def _check_paths(config: Config) -> None:
    """Every path that becomes an input of a rule can be one."""
    given = [("baseline", config["baseline"]), *((f"systems.{n}", one) for n, one in config["systems"].items())]
    paths = {
        "text": config["text"],
        "outputs": config["outputs"],
        "languages.table": config["languages"]["table"],
        "score.published": config["score"]["published"],
        "score.spbleu": config["score"]["spbleu"],
        "data.databin.path": config["data"]["databin"].get("path"),
        **{f"data.sentencepiece.{key}": config["data"]["sentencepiece"][key] for key in ("model", "dictionary")},
        **{
            f"{where}.checkpoint.{key}": (one.get("checkpoint") or {}).get(key)
            for where, one in given
            for key in ("path", "transformers")
        },
        **{f"{where}.translations": one.get("translations") for where, one in given},
        **{
            f"test_sets.{name}": one if isinstance(one, str) else one["path"]
            for name, one in config["test_sets"].items()
        },
    }
    for key, path in paths.items():
        configuration_values.check_path(key, path)


def _check_model(config: Config, trained: Iterable[str]) -> None:
    model = config["model"]
    if model["dim"] % model["heads"]:
        raise UserError(f"model.dim ({model['dim']}) must be a multiple of model.heads ({model['heads']})")
    if config["baseline"].get("training", {}).get("freeze"):
        raise UserError("baseline.training.freeze: a baseline is trained whole; set specialize.training.freeze")
    for system in [None, *trained]:
        settings, where = training(config, system), f"systems.{system}" if system else "baseline"
        if settings["precision"] != "fp32" and not settings["gpus"]:
            raise UserError(f"training of {where}: precision {settings['precision']} needs a GPU (training.gpus)")
        if settings["nodes"] > 1 and not settings["gpus"]:
            raise UserError(f"training of {where}: {settings['nodes']} nodes need GPUs (training.gpus per node)")


def _check_engine(config: Config, system: System) -> None:
    engine = config["decode"]["engine"]
    if system.weights != Weights.NONE and system.kind.fold is None and not ENGINES[engine].effects:
        others = [name for name, one in ENGINES.items() if one.effects]
        raise UserError(
            f"systems.{system.name}: {system.kind.summary} ({system.kind_name}) cannot be decoded by decode.engine "
            f"{engine}; set it to {' or '.join(others)}"
        )
