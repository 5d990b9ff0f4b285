"""One system written for several: a list where a system's setting takes one value makes a system of each value.

`ns: {masks: {select: cumulative, k: [80, 95]}}` is `ns-k80` and `ns-k95`. What copies the sizes of `ns` (`like: ns`)
then is two systems as well, `random-k80` and `random-k95`. Several lists make a system of every combination.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflow_scripts.errors import UserError

Settings = Mapping[str, Any]
Place = tuple[str, ...]
LIKE: Place = ("masks", "like")


def expanded(systems: Mapping[str, Settings], rules: Mapping[str, Any]) -> dict[str, Settings]:
    """The systems, each that stands for several replaced by these, in its place and in the order of its lists.

    `rules` is the whole schema. Raises `UserError` where a list is empty, a value makes no name, or a name is taken.
    """
    made: dict[str, list[tuple[str, Settings]]] = {}
    waiting = dict(systems)
    while waiting:
        # Those that copy another's sizes come after it. In a circle nobody is first; the check of masks says so.
        ready = [name for name, settings in waiting.items() if not waiting.keys() & _copied(settings)] or list(waiting)
        for name in ready:
            made[name] = list(_each(name, waiting.pop(name), made, rules))
    found = [one for name in systems for one in made[name]]
    for name, times in Counter(name for name, _ in found).items():
        if times > 1:
            raise UserError(f"systems: two systems are called {name}; rename one, or take a value out of its list")
    return dict(found)


def lines(systems: Mapping[str, Settings]) -> dict[str, dict[float, str]]:
    """`{line: {k: system}}`: systems that differ in k alone, by their name without it; lines of several k only.

    k is that of the system whose sizes are copied, where some are.
    """
    found: dict[str, dict[float, str]] = {}
    for name, settings in systems.items():
        masks, seen = settings.get("masks") or {}, {name}
        while (like := masks.get("like")) in systems and like not in seen:
            seen.add(like)
            masks = systems[like].get("masks") or {}
        k = masks.get("k")
        if isinstance(k, (int, float)):
            found.setdefault(re.sub(r"-k[0-9_]+", "", name), {})[k] = name
    return {line: dict(sorted(points.items())) for line, points in found.items() if len(points) > 1}


def _each(
    name: str, settings: Settings, made: Mapping[str, Sequence[tuple[str, Settings]]], rules: Mapping[str, Any]
) -> Iterator[tuple[str, Settings]]:
    """What one entry stands for: names and settings."""
    lists = dict(_lists(settings, rules["properties"]["systems"]["additionalProperties"], rules))
    for place, values in lists.items():
        if not values:
            raise UserError(f"systems.{name}.{'.'.join(place)}: an empty list makes no system; give a value or several")
    choices = [
        [(place, value, _suffix(name, place, value)) for value in values]
        for place, values in lists.items()
        if place != LIKE
    ]
    copied = [one for other in _copied(settings) for one, _ in made.get(other, [(other, {})])]
    if LIKE in lists:
        choices.append([(LIKE, one, f"-{one}") for one in copied])
    elif copied and copied != [_at(settings, LIKE)]:
        choices.append([(LIKE, one, one.removeprefix(_at(settings, LIKE))) for one in copied])
    for chosen in itertools.product(*choices):
        one = copy.deepcopy(dict(settings))
        for place, value, _ in chosen:
            _at(one, place[:-1])[place[-1]] = value
        yield name + "".join(suffix for *_, suffix in chosen), one


def _copied(settings: Settings) -> dict[str, None]:
    """The systems whose sizes are copied, in order."""
    like = _at(settings, LIKE)
    return dict.fromkeys(one for one in (like if isinstance(like, list) else [like]) if isinstance(one, str))


def _lists(
    settings: Settings, schema: Mapping[str, Any], rules: Mapping[str, Any]
) -> Iterator[tuple[Place, list[Any]]]:
    """Lists that stand where the schema has one value, with their places."""
    if "$ref" in schema:
        schema = {**rules["$defs"][schema["$ref"].rpartition("/")[2]], **schema}
    for key, value in settings.items():
        known = schema.get("properties", {}).get(key, {})
        if isinstance(value, list) and known and known.get("type") != "array":
            yield (key,), value
        elif isinstance(value, Mapping):
            for place, values in _lists(value, known, rules):
                yield (key, *place), values


def _suffix(name: str, place: Place, value: Any) -> str:
    """What a value adds to a name: `-k95`, `-fraction0_5`; a text stands alone."""
    suffix = f"-{value}" if isinstance(value, str) else f"-{place[-1]}{value}".replace(".", "_")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", suffix):
        where = f"systems.{name}.{'.'.join(place)}"
        raise UserError(f"{where}: {value!r} in a list makes no name of a system; write these systems singly")
    return suffix


def _at(settings: Any, place: Place) -> Any:
    """What stands at a place, or nothing."""
    for key in place:
        settings = settings.get(key) if isinstance(settings, Mapping) else None
    return settings
