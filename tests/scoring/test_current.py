"""Scores and imported translations are what their texts, settings and code make of them, whatever happened before."""

import json
import os
import stat
import sys

import pytest

from workflow_scripts import batch

TEXTS = {
    "first": {"hyp": ["een kat", "de hond"], "ref": ["een kat zit", "de hond"], "src": ["a cat sits", "the dog"]},
    "second": {"hyp": ["een kat zit", "de hond"], "ref": ["een kat zit", "de hond"], "src": ["a cat sits", "the dog"]},
}
# Stands for COMET, which is tested with the real one elsewhere: a score is the share of right words.
WORKER = """#!{python}
import json, pathlib, sys
for path in pathlib.Path(sys.argv[4]).glob("*.segments.json"):
    words = [(one["mt"].split(), one["ref"].split()) for one in json.loads(path.read_text())]
    answer = {{"scores": [len(set(mt) & set(ref)) / len(ref) for mt, ref in words], "version": "9"}}
    path.with_name(path.name.replace(".segments.", ".scores.")).write_text(json.dumps(answer))
"""


class Killed(BaseException):
    """A process that ends between two writes."""


class Step:
    """A step with the texts that it reads, in a folder."""

    def __init__(self, command, folder):
        self.command, self.folder = command, folder

    def read(self, which, folder=None):
        """Put `TEXTS[which]` where the step finds them."""
        for role, lines in TEXTS[which].items():
            path = (folder or self.folder) / "translations" / self.text(role)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{line}\n" for line in lines))

    def text(self, role):
        return f"en-nl.{role}.txt"

    def arguments(self, folder):
        return ()

    def run(self, *options, folder=None):
        folder = folder or self.folder
        common = ("--pairs", "en-nl", "--output", folder / "out", *self.arguments(folder), *options)
        self.command(self.name, folder / "translations", *common).ok()
        return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}

    def expected(self, which, *options):
        """What a run from nothing writes."""
        folder = self.folder / f"from-nothing-{which}"
        self.read(which, folder)
        return self.run(*options, folder=folder)

    def written(self, *options):
        """Run once more: whether files were written. What is current gets a new time."""
        before = {path: path.stat().st_ino for path in (self.folder / "out").iterdir()}
        for path in before:
            os.utime(path, (1000, 1000))
        self.run(*options)
        assert all(path.stat().st_mtime > 1000 for path in before)
        return any(path.stat().st_ino != inode for path, inode in before.items())


class Score(Step):
    name = "score"


class Import(Step):
    name = "import_translations"

    def text(self, role):
        return f"en-nl/{role}.txt"


class Comet(Step):
    name = "score_comet"

    def arguments(self, folder):
        python = folder / "python"
        python.write_text(WORKER.format(python=sys.executable))
        python.chmod(python.stat().st_mode | stat.S_IXUSR)
        return ("--model", "some/model", "--python", python)


STEPS = {Score: 2, Import: 4, Comet: 2}
WINDOWS = [(kind, number) for kind, writes in STEPS.items() for number in range(writes)]


@pytest.fixture
def killed(monkeypatch):
    """`killed(number, act)`: `act` ends before the file of that number (from 0) is in place."""

    def run(number, act):
        replace, calls = os.replace, []

        def replacing(*paths):
            calls.append(paths)
            if len(calls) > number:
                raise Killed
            replace(*paths)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", replacing)
            with pytest.raises(Killed):
                act()

    return run


@pytest.mark.parametrize(("kind", "number"), WINDOWS)
@pytest.mark.parametrize("then", ["first", "second"])
def test_no_kill_between_two_writes_makes_files_lie(command, tmp_path, killed, kind, number, then):
    """Texts made anew, killed before the file of that number; then the same command, or the first texts again."""
    step = kind(command, tmp_path)
    step.read("first")
    step.run()
    step.read("second")
    killed(number, step.run)
    step.read(then)
    assert step.run() == step.expected(then)


@pytest.mark.parametrize("kind", STEPS)
def test_what_is_current_is_left_and_what_is_not_is_made(command, tmp_path, monkeypatch, kind):
    step = kind(command, tmp_path)
    step.read("first")
    made = step.run()
    assert not step.written()
    for name in made:
        (tmp_path / "out" / name).write_text("edited")
        assert step.run() == made, f"{name} is made again"
        (tmp_path / "out" / name).unlink()
        assert step.run() == made
    for asked in ("*", kind.name, str(tmp_path / "out" / next(iter(made)))):
        monkeypatch.setenv(batch.RECOMPUTE, asked)
        assert step.written(), asked
    monkeypatch.setenv(batch.RECOMPUTE, "other")
    assert not step.written()
    monkeypatch.setattr(batch, "step_digest", lambda name, *registered: f"other code of {name}")
    assert step.written()
    assert not step.written()


def test_a_change_of_the_code_of_metrics_scores_again(command, tmp_path, monkeypatch):
    """The step says that its scores depend on that code, and the digest of the code decides."""
    from workflow_scripts import source_code

    step = Score(command, tmp_path)
    step.read("first")
    step.run()
    digest = source_code._module_digest
    for module, again in (
        ("scoring.scores", True),
        ("scoring.metrics.bleu", True),
        ("scoring.shared_ngrams", True),
        ("scoring.metrics.ter", False),
        ("scoring.variants", True),
        ("scoring.tables", False),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(
                source_code, "_module_digest", lambda name, module=module: digest(name) + "x" * (name == module)
            )
            source_code.step_digest.cache_clear()
            assert step.written() == again, module
        source_code.step_digest.cache_clear()
        step.run()


def test_settings_of_metrics_score_again(command, tmp_path):
    step = Score(command, tmp_path)
    step.read("first")
    step.run()
    assert step.written("--bleu-tokenize", json.dumps({"nl": "char"}))
    assert step.written("--tokenization", "moses")
    assert not step.written("--tokenization", "moses")


def test_a_corrected_reference_is_scored(command, tmp_path):
    step = Score(command, tmp_path)
    step.read("second")
    step.run()
    (tmp_path / "translations/en-nl.ref.txt").write_text("een hond\nde kat\n")
    scores = json.loads(step.run()["en-nl.json"])
    assert scores[0]["score"] < 50


def test_scores_tell_how_long_hypotheses_are(command, tmp_path):
    step = Score(command, tmp_path)
    step.read("first")
    scores = {score["name"]: score for score in json.loads(step.run()["en-nl.json"])}
    assert scores["BLEU"]["length_ratio"] == pytest.approx(4 / 5)
    assert "length_ratio" not in scores["chrF2++"]


def test_the_model_of_comet_is_looked_at_once_and_first(command, tmp_path):
    """Before any text: a real one has gigabytes."""
    options = ("--pairs", "en-nl,nl-en", "--output", tmp_path / "out", "--python", sys.executable)
    result = command("score_comet", tmp_path, *options, "--model", tmp_path / "missing.ckpt")
    assert result.code == 2
    assert "missing.ckpt" in result.err
