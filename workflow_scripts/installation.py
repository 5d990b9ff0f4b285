"""What this copy of the package is, a checkout or installed by pip: where the workflow lies, and what is missing."""

from __future__ import annotations

import sys
from importlib import metadata, util
from pathlib import Path

from workflow_scripts.errors import UserError

NAME = "neuron-specialization"
EXTRA = "training"
MODULES_OF_EXTRA = ("ctranslate2", "fairseq", "hydra", "omegaconf", "safetensors", "tokenizers", "torch")
"""What the extra brings, by the names that are imported: everything that reads a model's weights needs it."""
CHECKOUT = Path(__file__).resolve().parents[1]


def is_checkout() -> bool:
    """Whether the package is run from the project's own folder."""
    return (CHECKOUT / "Snakefile").exists()


def workflow_folder() -> Path:
    """The folder with Snakefile, rules, configurations and profiles.

    Raises `UserError` where the package was copied without them.
    """
    if is_checkout():
        return CHECKOUT
    try:
        installed = metadata.files(NAME) or []
    except metadata.PackageNotFoundError:
        installed = []
    for file in installed:
        if file.name == "Snakefile":
            return Path(str(file.locate())).resolve().parent
    raise UserError(f"no Snakefile came with {CHECKOUT / 'workflow_scripts'}: install the project with `pip install .`")


def advice() -> str:
    """What to type so that all packages are there."""
    if is_checkout():
        return "`make env` installs all that is needed"
    # fairseq asks for releases that current installers refuse, and pip has no way to say otherwise.
    overrides = workflow_folder() / "envs" / "overrides.txt"
    options = f"--python {sys.prefix} --override {overrides}"
    return f"`pip install uv`, then `uv pip install {options} '{NAME}[{EXTRA}]'`"


def check_module(module: str) -> None:
    """Raise `UserError`, with the remedy, if a module of the extra (`fairseq`) is not installed."""
    if util.find_spec(module) is None:
        raise UserError(lack(module))


def lack(module: str) -> str:
    """What to tell someone who lacks `module`."""
    return f"{module} is not installed, and this command needs it: {advice()}"
