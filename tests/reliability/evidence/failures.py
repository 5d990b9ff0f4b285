"""The twelve failures of the first review: each mending is undone in a copy of the code, where its tests must fail.

With the mending they must pass, in the same copy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.reliability.evidence import Evidence

COPIED = (
    "Snakefile",
    "pyproject.toml",
    "README.md",
    "config",
    "envs",
    "profiles",
    "rules",
    "tests",
    "workflow_scripts",
)


@dataclass(frozen=True)
class Failure:
    """What went wrong, the tests that see it, and how its mending is undone: in `file`, `mended` becomes `undone`."""

    what: str
    tests: tuple[str, ...]
    file: str
    mended: str
    undone: str


VOUCHED = "return all(vouched.get(path.name) == sha256(path) for path in paths[1:])"
FAILURES = (
    Failure(
        "A kill between the two files of a score left stale scores, taken for current",
        ("tests/scoring/test_current.py::test_no_kill_between_two_writes_makes_files_lie",),
        "workflow_scripts/batch.py",
        VOUCHED,
        "return True",
    ),
    Failure(
        "A kill between the last and the best checkpoint published other weights under the last update's name",
        (
            "tests/training/test_course.py::test_the_best_weights_must_be_there",
            "tests/training/test_kills.py::test_killed_anywhere_the_next_start_ends_as_an_undisturbed_one",
        ),
        "workflow_scripts/training/course.py",
        'if choice.keep == "best" and best is not None and best not in aside:',
        "if False:",
    ),
    Failure(
        "A kill between texts and their table left translations of other settings, taken for current",
        (
            "tests/steps/test_decode.py::test_a_kill_between_two_writes_leaves_nothing_mixed",
            "tests/test_batch.py::test_a_file_of_another_time_beside_the_one_that_vouches_is_done_again",
        ),
        "workflow_scripts/batch.py",
        VOUCHED,
        "return True",
    ),
    Failure(
        "Language codes of a table were run as shell code",
        ("tests/reliability/test_attacks.py::test_no_attack_succeeds",),
        "workflow_scripts/direction.py",
        'CODE = re.compile(r"[A-Za-z0-9_]+")',
        'CODE = re.compile(r"(?s:.*)")',
    ),
    Failure(
        "A resumed training was published as other bytes",
        ("tests/fairseq_plugin/test_checkpoint.py::test_equal_content_is_published_as_equal_bytes",),
        "workflow_scripts/formats/checkpoint.py",
        'raw["optimizer_history"][-1:]',
        'raw["optimizer_history"]',
    ),
    Failure(
        "A download cut within its chunks passed as whole",
        ("tests/steps/test_fetch.py::test_a_cut_chunked_answer_is_not_taken_for_whole",),
        "workflow_scripts/corpus/download.py",
        """            raise InterruptedTransferError("the answer was cut") from error
""",
        """            return
""",
    ),
    Failure(
        "Counts of other models, repeated or missing, were masked silently",
        (
            "tests/test_artifacts_checks.py::test_counts_that_cannot_be",
            "tests/test_artifacts_checks.py::test_masks_that_cannot_be",
        ),
        "workflow_scripts/artifacts_checks.py",
        "    if not np.array_equal(neurons, np.arange(len(neurons))):\n",
        "    if False:\n",
    ),
    Failure(
        "Data-bins were checked by name only, and failed in training or after it",
        (
            "tests/corpus/test_databin_content.py::test_a_damaged_side_is_refused",
            "tests/reliability/test_checked_first.py::test_no_given_file_is_read_for_the_first_time_after_a_training",
        ),
        "workflow_scripts/corpus/databin_content.py",
        "wrong = (block < 0) | (block >= symbols)",
        "wrong = block != block",
    ),
    Failure(
        "Environments, tokenizers, settings and given files were refused only after the baseline was trained",
        (
            "tests/test_configuration_values.py",
            "tests/reliability/test_checked_first.py::test_all_that_is_wrong_is_told_before_a_training_begins",
        ),
        "workflow_scripts/configuration_values.py",
        "if isinstance(value, float) and not math.isfinite(value):",
        "if False:",
    ),
    Failure(
        "After SIGKILL or SIGHUP the same command did not go on",
        ("tests/reliability/test_left_behind.py::test_the_lock_of_the_dead_is_removed",),
        "workflow_scripts/cluster/alone.py",
        """        unlock()
""",
        """        pass
""",
    ),
    Failure(
        "Full disks, permissions, damaged files and losses that are no number ended in tracebacks",
        ("tests/test_errors.py", "tests/steps/test_train.py::test_a_training_that_goes_astray_says_where"),
        "workflow_scripts/errors.py",
        "    except (OSError, MemoryError) as error:\n",
        "    except MemoryError as error:\n",
    ),
    Failure(
        "Braces in paths ended in words about wildcards that did not name the key",
        ("tests/test_configuration_values.py::test_a_path_with_a_brace_is_refused_by_its_key",),
        "workflow_scripts/configuration_values.py",
        "    if path and BRACES.search(path):\n",
        "    if False:\n",
    ),
)


def gather(scratch: Path) -> Evidence:
    """Run the tests of each failure in a copy of the code, with its mending and without."""
    copy = scratch / "code"
    copy.mkdir(parents=True)
    for name in COPIED:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, copy / name)
    rows = []
    # All at once, which makes what they share once.
    well = passes(copy, tuple(dict.fromkeys(test for failure in FAILURES for test in failure.tests)))
    for number, failure in enumerate(FAILURES, start=1):
        mended, undone = well or passes(copy, failure.tests), undone_passes(copy, failure)
        told = ("pass" if mended else "FAIL", "PASS" if undone else "fail")
        rows.append((str(number), failure.what, ", ".join(map(_short, failure.tests)), *told))
    failed = sum(row[-2:] != ("pass", "fail") for row in rows)
    headline = f"{len(rows)} failures, each with tests that fail as soon as its mending is undone ({failed} without)"
    columns = ("", "failure", "tests", "with its mending they", "without")
    return Evidence("The failures of the first review", headline, columns, tuple(rows), failed)


def undone_passes(copy: Path, failure: Failure) -> bool:
    """Whether the tests pass without the mending, which is put back."""
    path = copy / failure.file
    before = path.read_text(encoding="utf-8")
    path.write_text(undo(failure, before), encoding="utf-8")
    try:
        return passes(copy, failure.tests)
    finally:
        path.write_text(before, encoding="utf-8")


def undo(failure: Failure, text: str) -> str:
    """The text of the failure's file without its mending. Raises `ValueError` where it is not there, or twice."""
    if text.count(failure.mended) != 1:
        raise ValueError(f"{failure.file} does not have this once, so it cannot be undone: {failure.mended!r}")
    return text.replace(failure.mended, failure.undone)


def passes(copy: Path, tests: tuple[str, ...]) -> bool:
    """Whether tests pass there. Raises `RuntimeError` where they cannot be run."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=copy, env=_environment(copy), capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{', '.join(tests)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def _environment(copy: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}


def _short(test: str) -> str:
    return test.rpartition("::")[2].removeprefix("tests/")
