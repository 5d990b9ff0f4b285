"""Make fairseq 0.12.2 importable and right on current Python and torch: adaptations, none of them in site-packages.

1. Its configuration dataclasses use instances of each other as defaults. Python 3.11 takes an unhashable default for a
   mutable one and refuses it, so these dataclasses get an identity hash while fairseq is being imported.
2. `torch.load` allows weights only, as it should; fairseq's checkpoints hold one foreign class, `argparse.Namespace`.
3. Its encoder layers keep copies of their weights for an inference fast path that goes around `fc1` and `fc2` (so that
   neither hooks nor masks act) and calls a private torch function whose signature has changed. The copies are left
   out, which also switches the fast path off; where a checkpoint holds them they are ignored.
4. Its multilingual tasks guess the sizes of shards of data that they have not loaded yet, and guess again after a
   restart: `shards` tells them, so that a training that is resumed is the one that was interrupted.
5. Where gradients are no numbers any more it looks for the module by hooks that today's torch refuses on modules
   without tensors, which hides what has happened: it does not look.

Import this module before anything of fairseq.
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import ModuleType
from typing import Any

from torch import nn

from workflow_scripts.formats.checkpoint import FAST_PATH_COPIES

# All that the project uses, so that nothing of fairseq is first imported outside the adaptation.
MODULES = (
    "fairseq.tasks.translation_multi_simple_epoch",
    "fairseq.models.transformer",
    "fairseq.sequence_generator",
    "fairseq.trainer",
    "fairseq_cli.train",
    "fairseq_cli.preprocess",
    "fairseq_cli.generate",
)


@contextmanager
def _hashable_dataclasses() -> Iterator[None]:
    original = dataclasses.dataclass

    def dataclass(cls: type | None = None, /, **options: Any) -> Any:
        if cls is None:
            return lambda decorated: dataclass(decorated, **options)
        made = original(cls, **options)
        if cls.__module__.startswith("fairseq") and made.__hash__ is None:
            made.__hash__ = object.__hash__
        return made

    dataclasses.dataclass = dataclass
    try:
        yield
    finally:
        dataclasses.dataclass = original


def _leave_out_fast_path(layer_class: type[nn.Module]) -> None:
    make = layer_class.__init__

    def __init__(self: nn.Module, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        make(self, *args, **kwargs)
        for name in FAST_PATH_COPIES:
            delattr(self, name)
        self.can_use_fastpath = False

    def _load_from_state_dict(self: nn.Module, state_dict: dict, prefix: str, *args: Any) -> None:
        for name in FAST_PATH_COPIES:
            state_dict.pop(prefix + name, None)
        nn.Module._load_from_state_dict(self, state_dict, prefix, *args)

    layer_class.__init__ = __init__
    layer_class._load_from_state_dict = _load_from_state_dict


def import_adapted(name: str) -> ModuleType:
    """Import a module of fairseq that is not among `MODULES`."""
    with _hashable_dataclasses():
        return importlib.import_module(name)


def _adapt() -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    logging.disable(logging.INFO)
    for name in MODULES:
        import_adapted(name)
    logging.disable(logging.NOTSET)
    # fairseq's programs set up the root logger when they are imported; a library must not.
    root.handlers[:] = handlers
    root.setLevel(level)
    # Harmless, but said once per process.
    warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask")
    _leave_out_fast_path(importlib.import_module("fairseq.modules.transformer_layer").TransformerEncoderLayerBase)
    importlib.import_module("workflow_scripts.fairseq_plugin.shards").know_all_sizes()
    importlib.import_module("fairseq.trainer").NanDetector = nullcontext


_adapt()
