"""Open doors: what a name in a configuration stands for is one module, registered in one line."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, Protocol, TypeVar

from workflow_scripts.errors import UserError

Schema = Mapping[str, Any]
"""JSON schema of one option, with its description."""


class Described(Protocol):
    """What every entry has: a line on what it is, and its own settings, a JSON schema each."""

    @property
    def summary(self) -> str: ...

    @property
    def options(self) -> Mapping[str, Schema]: ...


Entry = TypeVar("Entry", bound=Described)


class Registry(Mapping[str, Entry], Generic[Entry]):
    """Entries by name. Each is the attribute `attribute` of a module of its own, loaded when it is asked for.

    `what` is what messages call one of them; `modules` gives, by name, the module below `package` (which may be
    empty), both within `workflow_scripts`. An unknown name raises `UserError` and lists the known ones.
    """

    def __init__(self, what: str, package: str, attribute: str, modules: Mapping[str, str]) -> None:
        self.what, self.package, self.attribute = what, package, attribute
        self.modules = dict(modules)

    def __getitem__(self, name: str) -> Entry:
        return getattr(import_module(f"workflow_scripts.{self.module(name)}"), self.attribute)

    def __iter__(self) -> Iterator[str]:
        return iter(self.modules)

    def __len__(self) -> int:
        return len(self.modules)

    def __contains__(self, name: object) -> bool:
        return name in self.modules

    def module(self, name: str) -> str:
        """The module of an entry within this package, as digests of code name it."""
        if name not in self:
            raise UserError(f"there is no {self.what} {name}; there are {', '.join(self)}")
        return ".".join(filter(None, (self.package, self.modules[name])))

    def options(self, names: Iterable[str] | None = None, said: bool = True) -> dict[str, dict[str, Any]]:
        """The settings of all entries (or of these), copies; `said`, each with those that take it in its description.

        Raises `ValueError` where two entries mean different things by one setting.
        """
        options: dict[str, Mapping[str, Any]] = {}
        takers: dict[str, list[str]] = {}
        for name in self if names is None else names:
            for option, rule in self[name].options.items():
                if options.setdefault(option, rule) != rule:
                    raise ValueError(f"{option} means one thing to {takers[option][0]} and another to {name}")
                takers.setdefault(option, []).append(name)
        front = {option: f"({', '.join(those)}) " if said else "" for option, those in takers.items()}
        return {
            option: {**copy.deepcopy(dict(rule)), "description": f"{front[option]}{rule['description']}"}
            for option, rule in options.items()
        }

    def takers(self, option: str) -> list[str]:
        """The entries that take a setting."""
        return [name for name, entry in self.items() if option in entry.options]

    def settings(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The values of an entry's own settings: those that are given, else the defaults."""
        return {
            option: rule["default"] if given.get(option) is None else given[option]
            for option, rule in self[name].options.items()
        }
