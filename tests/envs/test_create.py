"""Environments: what has another hash than the pinned one is not installed, torch's build apart. No network needed."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import re
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

SPEC = importlib.util.spec_from_file_location("create", ROOT / "envs" / "create.py")
create = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(create)
LOCKS = ["main", "comet", "uv"]
UV = Path(sys.executable).with_name("uv")
TAGS = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_pins_versions_and_hashes_of_all_but_torchs_build(name):
    text = (ROOT / "envs" / f"{name}.lock.txt").read_text()
    pins = create.blocks(text)
    assert create.pinned(text) == "".join(f"{pin}\n" for pin in pins)
    for pin in pins:
        assert re.fullmatch(r"[a-z0-9-]+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+", pin)
    assert "uv" in text.partition("\n")[0] or "Not pinned: torch's build" in text


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_fits_what_is_asked_for(name):
    pins = [pin.partition("==")[0] for pin in create.blocks((ROOT / "envs" / f"{name}.lock.txt").read_text())]
    asked = (ROOT / "envs" / f"{name}.in").read_text()
    if name == "main":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        asked += "\n".join([*project["dependencies"], *project["optional-dependencies"]["training"]])
    wanted = re.findall(r"^[A-Za-z0-9_-]+", asked, re.MULTILINE)
    assert wanted
    assert {word.replace("_", "-").lower() for word in wanted} - set(pins) <= {"torch"}


def test_torchs_build_is_left_to_the_machine():
    hashed = "a==1 \\\n    --hash=sha256:11\n"
    family = "".join(f"{name}==1 \\\n    --hash=sha256:22\n" for name in ("torch", "triton", "nvidia-x", "cuda-y"))
    assert create.pinned("# head\n" + family + hashed) == hashed
    assert create.pinned("") == ""
    with pytest.raises(SystemExit, match="no SHA-256 of b==2"):
        create.pinned(hashed + "b==2\n")


def test_what_the_lock_file_lacks_is_found_in_a_plan():
    plan = "Resolved 3 packages\nWould install 3 packages\n + a==1\n + torch==2+cpu\n + aa==1\n - old==1\n"
    assert create.unknown(plan, "a==1 \\\n    --hash=sha256:11\n") == ["aa==1"]


def wheel(folder, name, requires=()):
    """A wheel made by hand, without any code; returns its SHA-256."""
    path = folder / f"{name}-1-py3-none-any.whl"
    needs = "".join(f"Requires-Dist: {other}\n" for other in requires)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", "")
        file.writestr(f"{name}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n{needs}")
        file.writestr(f"{name}-1.dist-info/WHEEL", TAGS)
        file.writestr(f"{name}-1.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def source(folder, name, tools):
    """A source distribution that brings its own builder and asks for `tools` to build with; returns its SHA-256."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
    builder = (
        "import zipfile\n"
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        f"    name = '{name}-1-py3-none-any.whl'\n"
        "    with zipfile.ZipFile(f'{folder}/{name}', 'w') as file:\n"
        f"        file.writestr('{name}.py', '')\n"
        f"        file.writestr('{name}-1.dist-info/METADATA', {metadata!r})\n"
        f"        file.writestr('{name}-1.dist-info/WHEEL', {TAGS!r})\n"
        f"        file.writestr('{name}-1.dist-info/RECORD', '')\n"
        "    return name\n"
    )
    files = {
        "PKG-INFO": metadata,
        "pyproject.toml": f'[build-system]\nrequires = {tools}\nbuild-backend = "builder"\nbackend-path = ["."]\n'
        f'[project]\nname = "{name}"\nversion = "1"\n',
        "builder.py": builder,
    }
    path = folder / f"{name}-1.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        for member, text in files.items():
            info = tarfile.TarInfo(f"{name}-1/{member}")
            info.size = len(text)
            file.addfile(info, io.BytesIO(text.encode()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def needs(world, *packages, extra=()):
    """A package beside `envs` that needs `packages`, and `extra` in its extra `training`."""
    written = f"dependencies = {list(packages)}\n[project.optional-dependencies]\ntraining = {list(extra)}\n"
    (world / "pyproject.toml").write_text(
        f'[build-system]\nrequires = []\n[project]\nname = "made"\ndynamic = ["version"]\n{written}'
    )


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A package index of two small wheels, `outer` that needs `inner`, and an empty environment with uv."""
    if not UV.exists():
        pytest.skip("uv is not beside this Python: make env")
    (tmp_path / "index").mkdir()
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "overrides.txt").write_text("")
    (tmp_path / "envs" / "main.in").write_text("outer\n")
    needs(tmp_path)
    venv.create(tmp_path / "venv", with_pip=False)
    (tmp_path / "venv" / "bin" / "uv").symlink_to(UV)
    monkeypatch.setattr(create, "ENVS", tmp_path / "envs")
    monkeypatch.setattr(create, "pip_sources", lambda python: ["--no-index", f"--find-links={tmp_path / 'index'}"])
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def install(world, hashes):
    lock = "".join(f"{name}==1 \\\n    --hash=sha256:{value}\n" for name, value in hashes.items())
    (world / "envs" / "main.lock.txt").write_text("# head\n" + lock)
    create.install("main", world / "venv" / "bin" / "python")


def installed(world):
    return sorted(path.stem for path in (world / "venv" / "lib").glob("python3*/site-packages/*.py"))


def test_right_hashes_are_installed_with_what_they_need(world):
    install(world, {"outer": wheel(world / "index", "outer", ["inner"]), "inner": wheel(world / "index", "inner")})
    assert installed(world) == ["inner", "outer"]


@pytest.mark.parametrize("wrong", ["outer", "inner"])
def test_an_altered_hash_is_refused_and_nothing_installed(world, wrong):
    hashes = {"outer": wheel(world / "index", "outer", ["inner"]), "inner": wheel(world / "index", "inner")}
    with pytest.raises(SystemExit, match=rf"(?s){wrong}.*not made.*make lock"):
        install(world, hashes | {wrong: "0" * 64})
    assert installed(world) == []


def test_a_package_that_the_lock_file_lacks_is_refused(world):
    hashes = {"outer": wheel(world / "index", "outer", ["inner"])}
    wheel(world / "index", "inner")
    with pytest.raises(SystemExit, match=r"no hash for inner==1.*make lock"):
        install(world, hashes)
    assert installed(world) == []


def test_torch_comes_as_the_index_has_it(world):
    wheel(world / "index", "torch")
    (world / "envs" / "main.in").write_text("outer\ntorch\n")
    install(world, {"outer": wheel(world / "index", "outer")})
    assert installed(world) == ["outer", "torch"]


def test_what_the_package_needs_is_installed_with_its_extra_and_makes_another_environment(world):
    hashes = {name: wheel(world / "index", name) for name in ("outer", "inner", "more")}
    install(world, hashes)
    assert installed(world) == ["outer"]
    before = create.digest("main")
    needs(world, "inner", extra=["more"])
    assert create.digest("main") != before
    install(world, hashes)
    assert installed(world) == ["inner", "more", "outer"]


@pytest.mark.parametrize("known", [True, False])
def test_what_a_package_is_built_with_is_pinned_too(world, known):
    tool, outer = wheel(world / "index", "tool"), source(world / "index", "outer", ["tool"])
    if known:
        install(world, {"outer": outer, "tool": tool})
        assert installed(world) == ["outer"]
    else:
        with pytest.raises(SystemExit, match=r"(?s)tool.*not made"):
            install(world, {"outer": outer})
        assert installed(world) == []
