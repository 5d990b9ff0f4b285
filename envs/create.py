#!/usr/bin/env python3
"""Make, or refresh, one of the project's environments: `python3 envs/create.py main|comet`; `--lock` renews its pins.

`main` becomes `.venv`: what pyproject.toml says that the package needs, its extra included, and what `main.in` adds for
checks and tests. `comet` becomes `.venv-comet`. `<name>.lock.txt` pins every release by version and SHA-256,
those that packages without a wheel are built with included; so does `uv.lock.txt` for the installer. Only torch's build
with its CUDA packages is whatever the machine's package index offers. pip's own configuration (index, extra index,
find-links) is honoured. An environment that already matches its definition is left alone, at once.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import re
import subprocess
import sys
import venv
from pathlib import Path

ENVS = Path(__file__).resolve().parent
FOLDERS = {"main": ENVS.parent / ".venv", "comet": ENVS.parent / ".venv-comet"}
# torch decides its own CUDA packages, so none of them is pinned.
UNPINNED = ("torch==", "triton==", "nvidia-", "cuda-")
HEAD = """\
# Made by `make lock` from {name}.in, not by hand. All that is installed is listed, with the SHA-256 of the files its
# release has on PyPI; any other file is refused. So is what packages without a wheel (fairseq) are built with.
# Not pinned: torch's build and the CUDA packages it asks for (triton, nvidia-*, cuda-*), because they are the machine's
# choice (CUDA or CPU): they come from the configured package index as it offers them, within the range asked for.
"""
INSTALLER_HEAD = "# Made by `make lock` from uv.in: the installer. pip, which fetches it, comes with Python itself.\n"


def pip_sources(python: Path) -> list[str]:
    """uv's options for the indexes and find-links that pip is configured with (uv does not read pip's files)."""
    listing = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True).stdout
    found: dict[str, list[str]] = {}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in ("index-url", "extra-index-url", "find-links"):
            found.setdefault(name, []).extend(ast.literal_eval(value).split())
    options = [f"--{name}={value}" for name, values in found.items() for value in dict.fromkeys(values)]
    # Like pip: the best version of all indexes, not the first index that knows the name.
    return [*options, "--index-strategy=unsafe-best-match"] if "extra-index-url" in found else options


def inputs(name: str) -> list[Path]:
    """The files that say what environment `name` has."""
    own = ENVS / f"{name}.in"
    return [ENVS.parent / "pyproject.toml", own] if name == "main" else [own]


def options(name: str) -> list[str]:
    """The uv options that say the rest of it."""
    return ["--extra=training", f"--override={ENVS / 'overrides.txt'}"] if name == "main" else []


def package_needs() -> str:
    """The part of pyproject.toml that says what the package needs; the rest of the file changes no environment.

    Cut out as text: a ready environment is recognized by a Python too old to read TOML, too.
    """
    text = (ENVS.parent / "pyproject.toml").read_text(encoding="utf-8")
    return text.partition("\n[project]\n")[2].partition("\n[project.scripts]\n")[0]


def digest(name: str) -> str:
    """What the installed environment is compared with: the digest of what defines it."""
    files = [ENVS / f"{name}.in", ENVS / f"{name}.lock.txt", ENVS / "overrides.txt"]
    needs = [package_needs().encode()] if name == "main" else []
    return hashlib.sha256(b"\0".join([*(file.read_bytes() for file in files), *needs])).hexdigest()


def bootstrap(folder: Path) -> Path:
    """Make the empty environment with uv inside; returns its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        if sys.version_info < (3, 11):  # noqa: UP036 - this script is what tells the user
            sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.11 …")
        venv.create(folder, with_pip=True)
    call([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", ENVS / "uv.lock.txt"], "uv")
    return python


def call(command: list[str | Path], name: str) -> str:
    """Run a command of pip or uv; returns what it tells. When it fails, its words and the remedy end this program."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    told = result.stdout + result.stderr
    if result.returncode:
        sys.exit(
            f"{told}\nEnvironment '{name}' is not made, see above. Where hashes do not match, the file is damaged or "
            "not the pinned one, or your index serves builds of its own: then `make lock` with that index"
        )
    return told


def blocks(pins: str) -> list[str]:
    """The packages of a lock file, each with its hashes: `name==1.0 \\` and the lines that continue it."""
    lines = "\n".join(line for line in pins.splitlines() if line and not line.startswith("#"))
    return re.split(r"\n(?=\S)", lines) if lines else []


def pinned(pins: str) -> str:
    """What of `pins` a lock file holds: all but torch's build. Raises `SystemExit` for a package without a hash."""
    kept = [block for block in blocks(pins) if not block.startswith(UNPINNED)]
    bare = [block for block in kept if "--hash=sha256:" not in block]
    if bare:
        sys.exit(f"The package index tells no SHA-256 of {', '.join(bare)}: lock with another index")
    return "".join(f"{block}\n" for block in kept)


def unknown(plan: str, pins: str) -> list[str]:
    """The packages that a dry run of uv (`plan`) would install although no hash of them is in the lock file `pins`."""
    names = {block.partition("==")[0] for block in blocks(pins)}
    planned = re.findall(r"^ \+ (\S+)", plan, re.MULTILINE)
    return [pin for pin in planned if pin.partition("==")[0] not in names and not pin.startswith(UNPINNED)]


def lock(name: str, python: Path) -> None:
    """Renew `<name>.lock.txt`, and the installer's."""
    # One index that has every file of a release: a folder of wheels would pin those of one machine alone.
    sources = [option for option in pip_sources(python) if option.startswith("--index-url")]
    command = [python.parent / "uv", "pip", "compile", "--quiet", "--python-version=3.11", "--upgrade", "--no-header"]
    command += ["--no-annotate", "--generate-hashes", *sources]
    pins = pinned(call([*command, *options(name), *inputs(name)], name))
    (ENVS / f"{name}.lock.txt").write_text(HEAD.format(name=name) + pins)
    (ENVS / "uv.lock.txt").write_text(INSTALLER_HEAD + pinned(call([*command, ENVS / "uv.in"], "uv")))


def install(name: str, python: Path) -> None:
    """Install environment `name` at its pins. Nothing is installed unless all hashes are right."""
    print(f"Installing environment '{name}' (once; about a minute with a fast package index) …", flush=True)
    pins = ENVS / f"{name}.lock.txt"
    # uv compares the hashes that constraints name, of what is installed and of what it is built with.
    command = [python.parent / "uv", "pip", "install", "--python", python, *options(name)]
    command += [word for file in inputs(name) for word in ("-r", file)]
    command += ["-c", pins, "--build-constraints", pins, "--require-build-hashes", *pip_sources(python)]
    if bare := unknown(call([*command, "--dry-run"], name), pins.read_text()):
        sys.exit(
            f"{pins} has no hash for {', '.join(bare)}: it does not fit what is asked for any more; run `make lock`"
        )
    # Compiled once here, whatever PYTHONDONTWRITEBYTECODE says later: a run starts Python dozens of times.
    call([*command, "--quiet", "--compile-bytecode"], name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(FOLDERS))
    parser.add_argument("--lock", action="store_true", help="renew the pins instead of installing")
    args = parser.parse_args()
    folder = FOLDERS[args.name]
    stamp = folder / "installed.sha256"
    if args.lock:
        lock(args.name, bootstrap(folder))
    elif not stamp.exists() or stamp.read_text() != digest(args.name):
        install(args.name, bootstrap(folder))
        stamp.write_text(digest(args.name))


if __name__ == "__main__":
    main()
