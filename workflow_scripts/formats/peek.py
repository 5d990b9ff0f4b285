"""What a checkpoint says beside its weights, read without torch, without the weights, and without running any code.

torch's files are zip archives in which a pickle refers to tensors by name. Here nothing is made of what it names but
plain containers: tensors come out as `Shape`, whatever else as `Hollow`.
"""

from __future__ import annotations

import argparse
import math
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

from workflow_scripts.errors import UserError

PROVENANCE = "neuron_specialization"
"""Key of a checkpoint under which the project keeps what made it."""
PLAIN = {("collections", "OrderedDict"): OrderedDict, ("argparse", "Namespace"): argparse.Namespace}


class Hollow:
    """Stands for anything that is not plain: whatever is done to it leaves nothing."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


class Shape(Hollow):
    """Stands for a tensor: its `size`, and where its numbers are `stored`, which tensors may share."""

    def __init__(self, stored: Any = None, offset: int = 0, size: Any = (), *_: Any) -> None:
        self.stored, self.size = (str(stored), offset), tuple(size)

    @property
    def numbers(self) -> int:
        """How many it holds."""
        return math.prod(self.size)


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return Shape
        return PLAIN.get((module, name), Hollow)

    def persistent_load(self, pid: Any) -> Any:
        # ("storage", type, key, place, numbers)
        return pid[2] if isinstance(pid, tuple) and len(pid) > 2 else Hollow()


def peek(path: str | Path) -> dict[str, Any]:
    """The content of the checkpoint at `path` without its numbers; empty where there is no readable one."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            with archive.open(name) as file:
                content = _Reader(file).load()
    except Exception:  # a damaged or hostile file can make its parser fail in any way
        return {}
    return content if isinstance(content, dict) else {}


def model_settings(raw: Any, path: str | Path) -> argparse.Namespace:
    """The settings of the model, by fairseq's names, in the content of a checkpoint of any age.

    Raises `UserError` where it is not fairseq's.
    """
    if not isinstance(raw, dict) or "model" not in raw:
        raise UserError(f"{path} is not a fairseq checkpoint: it has no `model`")
    args = (raw.get("cfg") or {}).get("model") or raw.get("args")
    if args is None:
        raise UserError(f"{path} does not say what its model looks like (neither `cfg` nor `args`)")
    return argparse.Namespace(**(args if isinstance(args, dict) else vars(args)))
