"""A copy of the package in which one more kind is registered: its module, and one line."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT, Result, module_of
from workflow_scripts.systems import KINDS

KIND = Path(__file__).with_name("offset.py")
LINE = '        "given": "given",\n'


@pytest.fixture(scope="session")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the copy."""
    folder = tmp_path_factory.mktemp("extended")
    package = folder / "workflow_scripts"
    shutil.copytree(ROOT / "workflow_scripts", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(KIND, package / "systems/offset.py")
    registry = package / "systems/__init__.py"
    text = registry.read_text(encoding="utf-8")
    assert text.count(LINE) == 1
    registry.write_text(text.replace(LINE, LINE + LINE.replace("given", "offset")), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def called(extended: Path) -> Callable[..., Result]:
    """`called("train", …)`: a command of the copy, in a process of its own."""

    def call(step: str, *arguments: object) -> Result:
        command = [sys.executable, "-m", module_of(step), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=extended)
        return Result(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The kind `offset` is registered in this process."""
    spec = importlib.util.spec_from_file_location("workflow_scripts.systems.offset", KIND)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, spec.name, module)
    monkeypatch.setitem(KINDS.modules, "offset", "offset")
    return module
