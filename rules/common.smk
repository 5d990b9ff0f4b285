# Paths of one run, and what its configuration expands to. Nothing else.
import json
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import report as in_report
from workflow_scripts import configuration
from workflow_scripts.errors import UserError

BASE = Path(workflow.basedir)
R = f"results/{config['run']}"
LOGS = f"logs/{config['run']}"
BENCH = f"benchmarks/{config['run']}"
FIGURES = f"{R}/figures"
MANIFEST = f"{R}/data/manifest.json"
BASELINE = f"{R}/baseline/checkpoint.pt"

try:
    LANGUAGES = configuration.languages(config, BASE)
    config["languages"]["codes"] = list(LANGUAGES)
    configuration.check(config)
    DIRECTIONS = configuration.directions(config)
    PAIRS = configuration.pairs(config)
except UserError as error:
    raise WorkflowError(f"The configuration cannot be used. {error}") from None

LANGUAGE_TABLE = str(configuration.located(config["languages"]["table"], BASE))
SYSTEMS = list(config["systems"])
# Tables of a selection of directions stand beside the full ones, which they must not overwrite.
SELECTION = R if config["pairs"] == "all" else f"{R}/selections/{'+'.join(sorted(PAIRS))[:100]}"


wildcard_constraints:
    system="|".join(SYSTEMS),
    pair="|".join(DIRECTIONS),


def systems(*kinds, masked=None):
    """Names of the systems of these kinds (configuration.KINDS), with masks, without, or either."""
    return [
        name
        for name, system in config["systems"].items()
        if configuration.kind(system) in kinds and masked in (None, "masks" in system)
    ]


def alternatives(names):
    """A wildcard constraint that allows exactly these names."""
    return "|".join(names) or "(?!)"


def batches(pairs):
    """Directions in batches that one job works through with one model load."""
    size = config["jobs"]["directions_per_job"]
    return [pairs[start : start + size] for start in range(0, len(pairs), size)]


def as_json(value):
    """A nested setting as one command-line argument."""
    return json.dumps(value, sort_keys=True)


def as_options(settings):
    """Settings as quoted command-line options: `max_tokens: 9` is `--max-tokens 9`; empty ones are left out."""
    words = []
    for key, value in settings.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        if len(values) and values[0] is not None:
            texts = [as_json(item) if isinstance(item, dict) else str(item) for item in values]
            words += [f"--{key.replace('_', '-')}", *texts]
    return shlex.join(words)


def local_file(source):
    """What depends on a given file has its path as input, or nothing where it is downloaded."""
    return [source["path"]] if "path" in source else []


def batched(stage, number):
    """Name of one batch of a stage; it gets the resources, threads and group that the profile sets for the stage."""
    name = f"{stage}_{number}"
    settings = workflow.resource_settings
    groups = workflow.group_settings.overwrite_groups
    for table in (settings._parsed_overwrite_resources, settings._parsed_overwrite_threads, groups):
        if stage in table:
            table.setdefault(name, table[stage])
    return name


def checkpoint_of(wildcards):
    """The weights a system decodes with."""
    given = configuration.kind(config["systems"][wildcards.system]) == "given"
    return BASELINE if given else f"{R}/systems/{wildcards.system}/checkpoint.pt"


def masks_of(wildcards):
    """The masks a system is trained and decoded with: one file, or none."""
    masked = "masks" in config["systems"][wildcards.system]
    return [f"{R}/masks/{wildcards.system}.parquet"] if masked else []


def like_of(wildcards):
    """The masks whose sizes random ones copy: one file, or none."""
    like = config["systems"][wildcards.system]["masks"].get("like")
    return [f"{R}/masks/{like}.parquet"] if like else []


# Snakemake notices changed params only where their function takes nothing but wildcards.
def mask_options(wildcards):
    """How a system's neurons are selected."""
    settings = {**config["systems"][wildcards.system]["masks"], "like": like_of(wildcards)}
    if settings["select"] == "random":
        settings.setdefault("seed", config["seed"])
    return as_options(settings)


def sets_of(selection):
    """Where the neuron sets of a selection come from: the masks of a system, or all activation counts."""
    if selection in SYSTEMS:
        return {"masks": [f"{R}/masks/{selection}.parquet"]}
    return {"activations": expand(f"{R}/activations/{{pair}}.parquet", pair=DIRECTIONS)}


def drawn(name, category, **labels):
    """The files of a figure; the SVG is shown in Snakemake's report."""
    caption = f"captions/figures/{category.lower()}.rst"
    shown = in_report(f"{FIGURES}/{name}.svg", category=category, labels=labels, caption=caption)
    return [shown, f"{FIGURES}/{name}.png", f"{FIGURES}/{name}.csv"]
