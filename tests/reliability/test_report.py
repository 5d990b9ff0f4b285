"""RELIABILITY.md: all parts, or some of them; long tables beside it; a failure is one of the whole."""

from __future__ import annotations

import sys
from itertools import islice

import pytest

from tests.reliability import report
from tests.reliability.evidence import Evidence
from tests.reliability.evidence.load import growth, outcome
from tests.reliability.load import Measured, study

SHORT = Evidence("Kills", "3 kills: all survived.", ("where", "outcome"), (("a|b", "survived"),), 0)
LONG = Evidence("Inputs", "Many.", ("input", "outcome"), tuple((f"i{n}", ("good", "bad")[n % 2]) for n in range(70)), 1)


@pytest.fixture
def made(monkeypatch, tmp_path):
    """Calls the report with parts that are there already; its exit code and document."""
    found = {"kills": SHORT, "inputs": LONG}

    def call(*only: str) -> tuple[int, str]:
        document = tmp_path / "RELIABILITY.md"
        monkeypatch.setattr(report, "parts", lambda: list(found))
        monkeypatch.setattr(report, "gathered", lambda part, scratch: found[part])
        monkeypatch.setattr(sys, "argv", ["report", "--output", str(document), *(("--only", *only) if only else ())])
        return report.main(), document.read_text(encoding="utf-8")

    call.found = found
    return call


def test_the_document_has_all_parts_and_a_failure_is_one_of_the_whole(made, tmp_path):
    code, text = made()
    assert code == 1
    assert "| kills | 0 |\n| inputs | 1 |\n| all | 1 |" in text
    assert "| a\\|b | survived |" in text
    assert "| good | 35 |" in text
    assert "i69" not in text
    assert (tmp_path / "reliability/results/inputs.tsv").read_text().splitlines()[70] == "i69\tbad"


def test_the_other_parts_are_kept(made):
    made()
    made.found["inputs"] = Evidence("Inputs", "Mended.", ("input",), (), 0)
    code, text = made("inputs")
    assert code == 0
    assert "3 kills: all survived." in text
    assert "Mended." in text
    assert "Many." not in text
    made.found["kills"] = Evidence("Kills", "One died.", ("where",), (), 1)
    assert made("kills")[0] == 1
    # What is kept of the document counts, too.
    assert made("inputs")[0] == 1


def test_a_part_that_does_not_end_has_failed(tmp_path):
    found = report.gathered("nonesuch", tmp_path)
    assert found.failed == 1
    assert "ModuleNotFoundError" in found.headline


def test_every_part_is_a_module_that_gathers():
    assert {"load", "fuzzing"} <= set(report.parts())


def test_what_is_too_slow_or_too_large_has_failed():
    assert outcome(Measured("tables", 90, 10, 500, 0)) == "within"
    assert outcome(Measured("tables", 70, 61, 500, 0)) == "too slow"
    assert outcome(Measured("overlap", 25, 21, 500, 0)) == "too slow"
    assert outcome(Measured("tables", 10, 10, 1001, 0)) == "too large"
    assert outcome(Measured("tables", 10, 10, 10, 2)) == "failed with 2"
    short = Measured("clean", 10, 10, 100, 0)
    assert growth(short, Measured("clean", 40, 44, 200, 0)).startswith("within")
    assert growth(short, Measured("clean", 80, 80, 200, 0)).startswith("2.00 ×")


def test_the_load_is_carried_by_real_commands(tmp_path):
    """The first of those that are run by hand, on a study of four directions."""
    found = list(islice(study(tmp_path, languages=2, layers=1, ffn_dim=16), 3))
    assert [one.name for one in found] == ["masks, cumulative", "masks, random", "overlap"]
    assert all(one.code == 0 and one.megabytes > 20 for one in found)
