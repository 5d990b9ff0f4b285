"""The order of tests in several processes, on suites made for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.scheduling import FIRST

CONFTEST = "from tests.scheduling import pytest_xdist_make_scheduler\n"
# Each test notes when it began and ended.
TESTS = """
import os, time
import pytest

@pytest.mark.parametrize("number", range({number}))
def test_it(number):
    begin = time.monotonic()
    time.sleep({seconds})
    with open({log!r}, "a") as file:
        file.write(f"{{__file__}} {{begin}} {{time.monotonic()}} {{os.getpid()}}\\n")
"""


def suite(folder, sizes):
    """A suite with a file per entry of `sizes`: its name below `tests`, how many tests it has, how long each takes."""
    (folder / "pytest.ini").write_text(
        "[pytest]\naddopts = --import-mode=importlib\nconsider_namespace_packages = true\n"
    )
    (folder / "tests").mkdir()
    (folder / "tests/conftest.py").write_text(CONFTEST)
    for name, (number, seconds) in sizes.items():
        path = folder / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TESTS.format(number=number, seconds=seconds, log=str(folder / "log")))


def run(folder, workers):
    """`pytest -n workers`; what it said, and `(file, begin, end, process)` of every test in order of beginning."""
    # Other plugins take seconds to load in every process.
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "xdist", "-n", str(workers)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in (folder / "log").read_text().splitlines()]
    found = [(os.path.relpath(name, folder), float(begin), float(end), pid) for name, begin, end, pid in rows]
    return done.stdout, sorted(found, key=lambda row: row[1])


@pytest.mark.parametrize("workers", [1, 2])
def test_long_files_begin_first_in_their_order(tmp_path, workers):
    sizes = {
        "test_a.py": (4, 0.05),
        "workflow/test_w.py": (2, 0.3),
        "slurm/test_s.py": (1, 0.3),
        "test_b.py": (3, 0.05),
    }
    suite(tmp_path, sizes)
    said, rows = run(tmp_path, workers)
    total = sum(number for number, _ in sizes.values())
    assert len(rows) == total
    assert re.search(rf"^=+ {total} passed in ", said, re.MULTILINE)
    begun = list(dict.fromkeys(name for name, *_ in rows))
    assert set(begun[:2]) == {"tests/slurm/test_s.py", "tests/workflow/test_w.py"}
    if workers == 1:
        assert begun[0] == "tests/slurm/test_s.py"


def test_long_folders_exist():
    assert all(any((ROOT / folder).glob("test_*.py")) for folder in FIRST)


def test_files_run_beside_each_other_each_in_one_process(tmp_path):
    suite(tmp_path, {"test_a.py": (3, 0.5), "test_b.py": (3, 0.5)})
    _, rows = run(tmp_path, 2)
    processes = {name: {pid for other, *_, pid in rows if other == name} for name, *_ in rows}
    assert [len(pids) for pids in processes.values()] == [1, 1]
    assert len(set.union(*processes.values())) == 2
    assert rows[1][1] < rows[0][2]
