"""The structure that the README and the design promise: rooms, what each may import, and no file too long to read."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conftest import ROOT
from workflow_scripts import source_code
from workflow_scripts.schema import REGISTRIES

PACKAGE = ROOT / "workflow_scripts"
LONGEST = 300
MODULES = {path: path.relative_to(ROOT).with_suffix("").parts for path in sorted(PACKAGE.rglob("*.py"))}
STEPS = sorted(path.stem for path in (PACKAGE / "steps").glob("*.py") if path.stem != "__init__")

# What decides nothing about the content of an artefact: names, messages, how files are written and jobs are run.
NEUTRAL = re.compile(
    r"__init__|artifacts\w*|batch|command_line|configuration\w*|data_stage|direction|errors|files|installation|languages"
    r"|outputs|paths|pretrained|progress|readiness|registry|run|schema|score_stage|shares|source_code|systems\.system|work"
    r"|cluster\..*"
    r"|training\.(work_folder|provenance|publishing|beginning)"
)


def imports(path: Path) -> set[str]:
    """Dotted names of all that a file imports, wherever in it, or starts as a process of its own (`python -m`).

    What only stands there for the checker of types is no import.
    """
    found, tree = set(), ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and re.fullmatch(r"workflow_scripts(\.\w+)+", str(node.value)):
            found.add(node.value)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own(name: str) -> str | None:
    """The module of this package that an imported name is, or lies in: `scoring.metrics`."""
    parts = name.split(".")
    if parts[0] != "workflow_scripts":
        return None
    for end in (len(parts), len(parts) - 1):
        if end > 1 and PACKAGE.joinpath(*parts[1:end]).with_suffix(".py").exists():
            return ".".join(parts[1:end])
    return None


def room(module: str) -> str:
    """The folder of a module; those at the root are `root`."""
    return module.rpartition(".")[0].partition(".")[0] or "root"


GRAPH = {
    ".".join(parts[1:]): {target for name in imports(path) if (target := own(name))} for path, parts in MODULES.items()
}


def test_the_readmes_layout_is_the_tree():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("## Layout") :].split("\n## ")[0]
    listed = set(re.findall(r"^\| `workflow_scripts/(\w+)/`", table, re.MULTILINE))
    assert listed == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    tops = {
        name for cell in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)/?`", cell)
    }
    assert {"Snakefile", "rules", "config", "profiles", "envs", "tests"} <= tops


@pytest.mark.parametrize("path", [*MODULES, ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))], ids=str)
def test_no_file_is_too_long_to_read(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_rooms_import_downwards_only():
    between = defaultdict(set)
    for module, targets in GRAPH.items():
        between[room(module)] |= {room(target) for target in targets} - {room(module)}
    # The root's nouns know corpora and scoring, which ask for texts and names alone.
    between.pop("root")
    order, left = [], {name: targets - {"root"} for name, targets in between.items()}
    while left:
        free = sorted(name for name, targets in left.items() if not targets & left.keys())
        assert free, f"these rooms import each other: {left}"
        order += free
        left = {name: targets for name, targets in left.items() if name not in free}
    assert max(map(order.index, ("steps", "tools"))) == len(order) - 1


ALLOWED = {
    "fairseq": {"fairseq_plugin"},
    "torch": {"fairseq_plugin", "layers", "formats", "engines"},
    "snakemake": {"cluster"},
    "ctranslate2": {"engines", "formats"},
    "heliport": {"scoring"},
    "huggingface_hub": {"formats"},
    "sacrebleu": {"scoring"},
    "sklearn": {"scoring"},
    "safetensors": {"formats"},
    "tokenizers": {"formats"},
    "transformers": set(),
}


@pytest.mark.parametrize("library", ALLOWED)
def test_libraries_are_imported_where_the_design_says(library):
    users = {
        room(".".join(parts[1:]))
        for path, parts in MODULES.items()
        if any(name.split(".")[0] == library for name in imports(path))
    }
    assert users <= ALLOWED[library]


def test_the_science_needs_arrays_alone():
    for path in (PACKAGE / "neurons").rglob("*.py"):
        names = {name.split(".")[0] for name in imports(path)} - {"workflow_scripts", "__future__"}
        assert names <= {"collections", "dataclasses", "fractions", "functools", "hashlib", "math", "numpy", "typing"}


def closure(module: str) -> set[str]:
    """All modules of this package that a module needs, itself included; what is neutral leads no further."""
    found, waiting = set(), [module]
    while waiting:
        if (here := waiting.pop()) not in found:
            found.add(here)
            waiting += [target for target in GRAPH[here] if not NEUTRAL.fullmatch(target)]
    return found


@pytest.mark.parametrize("step", STEPS)
def test_a_step_declares_the_modules_that_decide_what_it_writes(step):
    """A module that is left out would make an artefact pass for current when its code has changed."""
    assert set(source_code.declared(f"steps.{step}")) == closure(f"steps.{step}") - {f"steps.{step}"}


@pytest.mark.parametrize(
    "module", [registry.module(name) for registry in REGISTRIES.values() for name in registry], ids=str
)
def test_a_registered_module_declares_the_modules_that_it_needs(module):
    assert set(source_code.declared(module)) == closure(module) - {module}
