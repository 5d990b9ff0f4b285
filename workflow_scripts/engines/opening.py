"""A system's model opened by the engine that is to decode it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_scripts.engines import ENGINES
from workflow_scripts.engines.engine import Opened, Place
from workflow_scripts.engines.search import Search
from workflow_scripts.engines.system_model import SystemModel
from workflow_scripts.errors import UserError


def opened(model: SystemModel, search: Search, place: Place, options: Mapping[str, Any]) -> Opened:
    """The engine's model, ready to translate. Raises `UserError` for packages that are not installed."""
    engine = ENGINES[model.engine]
    if missing := [package for package, found in engine.versions().items() if found is None]:
        raise UserError(
            f"engine {model.engine} needs {' and '.join(missing)}, not installed here: install it, or choose another "
            f"decode.engine ({', '.join(name for name in ENGINES if name != model.engine)})"
        )
    return engine.open(model, search, place, **options)
