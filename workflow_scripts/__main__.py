"""Neuron Specialization for multilingual translation: the pipeline's steps, and the tools around them.

    neuron-specialization COMMAND --help
    neuron-specialization translate --run demo --system ns --pair en-qa < in.txt > out.txt

A command is a module of `workflow_scripts.steps` or `workflow_scripts.tools`, and so is what it does: the same as
`python -m workflow_scripts.steps.decode …`.
"""

from __future__ import annotations

import argparse
import ast
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from workflow_scripts import __version__, errors
from workflow_scripts.errors import UserError
from workflow_scripts.installation import NAME

PACKAGE = Path(__file__).resolve().parent
ROOMS = {"steps": "steps of the pipeline", "tools": "tools"}


def commands() -> dict[str, str]:
    """The room of every command: `{"decode": "steps", …}`."""
    return {module.name: room for room in ROOMS for module in iter_modules([str(PACKAGE / room)])}


def summary(room: str, command: str) -> str:
    """The first line of a command's docstring; nothing is imported."""
    text = (PACKAGE / room / f"{command}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def listing() -> str:
    """All commands, a line each."""
    known = commands()
    width = max(map(len, known))
    lines = []
    for room, title in ROOMS.items():
        lines += ["", f"{title}:"]
        lines += [f"  {name:<{width}}  {summary(room, name)}" for name in known if known[name] == room]
    return "\n".join(lines[1:])


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        """The help, with the list of commands, which is made only when it is shown."""
        self.epilog = listing()
        return super().format_help()


def main() -> None:
    """The command `neuron-specialization`."""
    errors.run(_main)


def _main() -> int | None:
    parser = _Parser(prog=NAME, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    parser.add_argument("command", metavar="COMMAND", help="one of those below; what follows it is for the command")
    # All that follows, `--help` included, is for the command.
    command = parser.parse_args(sys.argv[1:2]).command
    room = commands().get(command)
    if room is None:
        raise UserError(f"there is no command {command}; there are {', '.join(commands())}")
    sys.argv = [f"{NAME} {command}", *sys.argv[2:]]
    return import_module(f"workflow_scripts.{room}.{command}").main()


if __name__ == "__main__":
    main()
