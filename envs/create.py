#!/usr/bin/env python3
"""Make, or refresh, one of the project's environments: `python3 envs/create.py main|comet`; `--lock` renews its pins.

`main` becomes `.venv`, `comet` becomes `.venv-comet`. Every release is pinned by `<name>.lock.txt` except torch's
build: that is whatever the machine's package index offers (CUDA or CPU). pip's own configuration (index, extra index,
find-links) is honoured. An environment that already matches its definition is left alone, at once.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ENVS = Path(__file__).resolve().parent
FOLDERS = {"main": ENVS.parent / ".venv", "comet": ENVS.parent / ".venv-comet"}
UV = "uv==0.13.8"
# torch decides its own CUDA packages, so none of them is pinned.
UNPINNED = ("torch==", "triton==", "nvidia-", "cuda-")


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


def definition(name: str) -> list[str]:
    """The uv options that define environment `name`, without its pins."""
    overrides = ENVS / "overrides.txt"
    return [str(ENVS / f"{name}.in"), *(["--override", str(overrides)] if name == "main" else [])]


def digest(name: str) -> str:
    """What the installed environment is compared with: the digest of the files that define it."""
    files = [ENVS / f"{name}.in", ENVS / f"{name}.lock.txt", ENVS / "overrides.txt"]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def bootstrap(folder: Path) -> Path:
    """Make the empty environment with uv inside; returns its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        if sys.version_info < (3, 11):  # noqa: UP036 - this script is what tells the user
            sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.11 …")
        venv.create(folder, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", UV], check=True)
    return python


def lock(name: str, python: Path) -> None:
    """Renew `<name>.lock.txt` from `<name>.in`."""
    command = [python.parent / "uv", "pip", "compile", "--quiet", "--python-version=3.11", "--upgrade", "--no-header"]
    command += ["--no-annotate", *definition(name), *pip_sources(python)]
    pins = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    kept = [pin for pin in pins if not pin.startswith(UNPINNED)]
    (ENVS / f"{name}.lock.txt").write_text("\n".join(kept) + "\n")


def install(name: str, python: Path) -> None:
    """Install environment `name` at its pins."""
    print(f"Installing environment '{name}' (once; about a minute with a fast package index) …", flush=True)
    inputs = definition(name)
    # Compiled once here, whatever PYTHONDONTWRITEBYTECODE says later: a run starts Python dozens of times.
    command = [
        python.parent / "uv",
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "--python",
        python,
        "-r",
        *inputs,
    ]
    subprocess.run([*command, "-c", ENVS / f"{name}.lock.txt", *pip_sources(python)], check=True)


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
