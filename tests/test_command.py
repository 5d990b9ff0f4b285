"""The command `neuron-specialization`: all steps and tools, and help that needs none of the large packages."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import pytest

from tests.conftest import ROOT
from tests.test_layout import MODULES, PACKAGE, imports
from workflow_scripts import __main__ as program
from workflow_scripts import __version__, installation
from workflow_scripts.errors import run

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HEAVY = (
    *installation.MODULES_OF_EXTRA,
    "fairseq_cli",
    "matplotlib",
    "pandas",
    "sacrebleu",
    "scipy",
    "seaborn",
    "sklearn",
)
# Names that are imported, where they are not those of the packages.
PACKAGES = {
    "fairseq_cli": "fairseq",
    "fontTools": "fonttools",
    "huggingface_hub": "huggingface-hub",
    "hydra": "hydra-core",
    "mt_thresholds": "mt-thresholds",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
# COMET's worker is run by COMET's own environment; heliport is the user's to install.
ELSEWHERE = {"comet", "heliport"}

HELP_OF_ALL = """
import contextlib, io, json, sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {heavy!r}:
            raise ImportError(f"help imports {{name}}")

sys.meta_path.insert(0, Refused())
from workflow_scripts import __main__ as program

said = {{}}
for name in program.commands():
    sys.argv = ["neuron-specialization", name, "--help"]
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        try:
            program.main()
        except (ImportError, SystemExit) as end:
            said[name] = [str(end), text.getvalue()]
print(json.dumps(said))
"""


def call(monkeypatch, capsys, *arguments):
    """Exit code, standard output and standard error of the command, in this process."""
    monkeypatch.setattr(sys, "argv", ["anything", *arguments])
    with pytest.raises(SystemExit) as end:
        program.main()
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


def test_the_help_lists_every_step_and_tool_with_its_docstrings_first_line(monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "--help")
    assert code == 0
    modules = [path for room in program.ROOMS for path in (PACKAGE / room).glob("*.py") if path.stem != "__init__"]
    listed = dict(
        line.strip().split(maxsplit=1)
        for line in out.partition("steps of the pipeline:")[2].splitlines()[1:]
        if line.startswith("  ")
    )
    assert set(listed) == {path.stem for path in modules}
    assert len(listed) == len(modules), "a step and a tool have one name"
    for path in modules:
        assert path.read_text(encoding="utf-8").startswith(f'"""{listed[path.stem]}\n')
        assert listed[path.stem].endswith((".", "?"))


def test_every_steps_and_tools_help_needs_no_large_package():
    done = subprocess.run(
        [sys.executable, "-c", HELP_OF_ALL.format(heavy=HEAVY)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert set(said) == set(program.commands())
    for name, (end, text) in said.items():
        assert (name, end) == (name, "0")
        assert text.startswith(f"usage: neuron-specialization {name} ")


def test_the_list_of_commands_imports_none_of_them():
    code = "import sys; from workflow_scripts.__main__ import listing; listing(); print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name for name in done.stdout.split() if name.startswith("workflow_scripts.")}
    assert loaded == {f"workflow_scripts.{name}" for name in ("__main__", "errors", "installation")}


def test_a_command_gets_its_own_arguments_and_its_exit_code_is_handed_on(monkeypatch, capsys, tmp_path):
    code, _, err = call(monkeypatch, capsys, "compare", str(tmp_path), str(tmp_path))
    assert code == 2
    assert "are the same run: name two" in err
    code, out, _ = call(monkeypatch, capsys, "workflow")
    assert (code, out) == (0, f"{ROOT}\n")


def test_an_unknown_command_is_refused_and_the_known_ones_are_listed(monkeypatch, capsys):
    code, _, err = call(monkeypatch, capsys, "translade", "--run", "demo")
    assert code == 2
    assert err.startswith("error: there is no command translade; there are binarize, ")
    assert "translate" in err


def test_the_version_is_the_packages(monkeypatch, capsys):
    assert call(monkeypatch, capsys, "--version") == (0, f"neuron-specialization {__version__}\n", "")


@pytest.mark.parametrize("module", ["torch", "fairseq.data"])
def test_who_lacks_a_package_of_the_extra_is_told_what_to_install(module, capsys):
    def main():
        raise ModuleNotFoundError(f"No module named '{module}'", name=module)

    with pytest.raises(SystemExit) as end:
        run(main)
    assert end.value.code == 2
    name = module.partition(".")[0]
    assert capsys.readouterr().err.startswith(f"error: {name} is not installed, and this command needs it: `make env`")


def test_another_lack_is_a_fault_and_shown_as_one():
    def main():
        raise ModuleNotFoundError("No module named 'nothing'", name="nothing")

    with pytest.raises(ModuleNotFoundError):
        run(main)


def names(requirements):
    return {requirement.partition("=")[0].rstrip("<>~") for requirement in requirements}


def test_all_that_is_imported_is_asked_for():
    known = {PACKAGES.get(name, name) for name in sys.stdlib_module_names} | ELSEWHERE | {"workflow_scripts"}
    found = {name.split(".")[0] for path in MODULES for name in imports(path)}
    extra = names(PROJECT["optional-dependencies"]["training"])
    assert {PACKAGES.get(name, name) for name in found} - known <= names(PROJECT["dependencies"]) | extra
    assert {PACKAGES.get(name, name) for name in installation.MODULES_OF_EXTRA} == extra
