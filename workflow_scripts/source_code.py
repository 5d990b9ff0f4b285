"""Digests of the code that makes an artefact: of the syntax trees, so neither comments nor docstrings count."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from workflow_scripts.files import write_json

PACKAGE = Path(__file__).resolve().parent
STEPS = "steps"
DECLARATION = "CODE"
"""Name of the tuple in which a step lists the modules of this package that decide, with itself, what it writes.

A registered module lists those that it needs."""


@cache
def step_digest(step: str, *registered: str) -> str:
    """The digest of a step (`decode`): of its own module and of those that it declares in `CODE`.

    `registered` are modules that the step finds by a name in the configuration; they declare what they need likewise.
    Reads the sources alone, so it takes milliseconds and needs nothing that the step imports.
    """
    modules = (f"{STEPS}.{step}", *registered)
    return digest([*modules, *(needed for module in modules for needed in declared(module))])


def digest(modules: Iterable[str]) -> str:
    """SHA-256, in hexadecimal, of the modules (dotted names within this package) in any order."""
    joined = "\n".join(f"{module}:{_module_digest(module)}" for module in sorted(set(modules)))
    return hashlib.sha256(joined.encode()).hexdigest()


@cache
def declared(module: str) -> tuple[str, ...]:
    """The modules that a step, or a registered module, lists in `CODE`, with those that these list, each once."""
    for node in _tree(module).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [DECLARATION]:
            listed = ast.literal_eval(node.value)
            return tuple(dict.fromkeys([*listed, *(one for each in listed for one in declared(each))]))
    return ()


def path_of(module: str) -> Path:
    """The file of a module of this package."""
    return PACKAGE.joinpath(*module.split(".")).with_suffix(".py")


@cache
def _module_digest(module: str) -> str:
    content = path_of(module).read_bytes()
    key, known = hashlib.sha256(content).hexdigest(), _known()
    if key not in known:
        known[key] = _tree_digest(content)
        with contextlib.suppress(OSError):
            write_json(_memory(), known)
    return known[key]


def _tree_digest(content: bytes) -> str:
    tree = ast.parse(content)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = [part for part in node.body if not _is_text(part)] or [ast.Pass()]
    # What is written out again differs less between versions of Python than the trees' own form.
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()


def _memory() -> Path:
    """Where digests are kept by the digest of a file's bytes (so none can be stale), beside Python's compiled files.

    Every start of Snakemake asks for all of them; working them out takes a third of a second.
    """
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    return PACKAGE / "__pycache__" / f"source_code-{sys.implementation.cache_tag}-{own}.json"


@cache
def _known() -> dict[str, str]:
    try:
        return json.loads(_memory().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _is_text(node: ast.stmt) -> bool:
    """A docstring, of whatever it documents: a string that stands alone does nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _tree(module: str) -> ast.Module:
    return ast.parse(path_of(module).read_text(encoding="utf-8"))
