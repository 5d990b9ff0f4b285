"""Configuration files as text: where one is no YAML, or says a key twice, of which only the last would count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from workflow_scripts.errors import UserError


def check(paths: Iterable[str | Path]) -> None:
    """Raise `UserError` with file and line for the first file that cannot be read, or that has a key twice."""
    for path in paths:
        for problem in problems(Path(path)):
            raise UserError(f"{path}, {problem}")


def problems(path: Path) -> Iterator[str]:
    """What is wrong, each with its line. Raises `UserError` where the file is missing, or not UTF-8."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise UserError(f"{path}, line {line}: this is not UTF-8; save the file in that encoding") from None
    try:
        yield from _repeated(yaml.compose(text, Loader=yaml.SafeLoader), "")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        begun = f" ({error.context} from line {error.context_mark.line + 1})" if error.context_mark else ""
        yield f"{where}this is no YAML: {error.problem}{begun}"
    except yaml.YAMLError as error:
        yield f"this is no YAML: {error}"


def _repeated(node: yaml.Node | None, place: str) -> Iterator[str]:
    if isinstance(node, yaml.SequenceNode):
        for number, part in enumerate(node.value):
            yield from _repeated(part, f"{place}.{number}" if place else str(number))
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            where = f"{place}.{name}" if place else name
            # `<<` may stand there several times.
            if name in lines and key.tag != "tag:yaml.org,2002:merge":
                yield f"line {line}: {where} stands on line {lines[name]} already, and only one of them can count"
            lines.setdefault(name, line)
            yield from _repeated(value, where)
