"""fairseq's own programs, as its documentation has them, on this Python."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT, TinyRun
from workflow_scripts.corpus.manifest import read_manifest


def run(program: str, *arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workflow_scripts.fairseq_plugin", program, *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd=ROOT)


def test_the_adaptations_are_what_makes_them_run():
    """Where this no longer fails, on Python 3.11 and later, they are not needed any more."""
    plain = [sys.executable, "-c", "from fairseq_cli.interactive import cli_main"]
    assert "ValueError: mutable default" in subprocess.run(plain, capture_output=True, text=True, check=False).stderr


def test_text_is_preprocessed_and_translated(tiny_run: TinyRun, tmp_path):
    """Text of our own through `preprocess`, its first lines through `interactive`, all of it through `generate`."""
    manifest = read_manifest(tiny_run.manifest)
    for language in ("en", "qa"):
        (tmp_path / f"text.{language}").write_text("▁ a b\n▁ b\n▁ a a a\n", encoding="utf-8")
    dictionaries = (f"--{side}dict={manifest.dictionary}" for side in ("src", "tgt"))
    made = run(
        *("preprocess", "--source-lang=en", "--target-lang=qa", f"--testpref={tmp_path}/text"),
        *(*dictionaries, f"--destdir={tmp_path}/bin"),
    )
    assert made.returncode == 0, made.stderr
    shared = (
        *(f"{tmp_path}/bin", "--path", tiny_run.checkpoint, "--cpu", "--task=translation_multi_simple_epoch"),
        *("--langs", ",".join(manifest.languages), "--lang-pairs=en-qa", "--source-lang=en", "--target-lang=qa"),
        *("--encoder-langtok=src", "--decoder-langtok", "--beam=2", "--max-len-b=10"),
    )
    generated = run("generate", *shared, "--gen-subset=test")
    assert generated.returncode == 0, generated.stderr
    typed = run("interactive", *shared, stdin="▁ a b\n▁ b\n")
    assert typed.returncode == 0, typed.stderr

    def hypotheses(said: str) -> dict[str, str]:
        lines = [line.split("\t") for line in said.splitlines() if line.startswith("H-")]
        return {name: text for name, _, text in lines}

    found = hypotheses(generated.stdout)
    assert sorted(found) == ["H-0", "H-1", "H-2"]
    assert hypotheses(typed.stdout) == {name: found[name] for name in ("H-0", "H-1")}


def test_the_projects_task_is_known_to_them(tmp_path):
    """It gets as far as looking for the dictionary."""
    options = ("--task=neuron_specialization", "--masks-file=x", "--langs=en,qa", "--lang-pairs=en-qa", "--cpu")
    said = run("train", tmp_path, *options, "--arch=transformer", "--max-tokens=100", f"--save-dir={tmp_path}")
    assert f"{tmp_path}/dict.en.txt: No such file or directory" in said.stderr


def test_an_unknown_program_is_refused_with_those_there_are():
    said = run("translate")
    assert said.returncode == 2
    assert "invalid choice: 'translate'" in said.stderr
    assert "interactive" in said.stderr
