"""Updates in which some owners have no part: their parameters are left alone, optimizer's state included.

Within one process their gradients are None, and Adam passes over them. Where gradients are shared among processes
(`legacy_ddp`), or copied to full precision (fp16, bf16), zeros take the place of None, with which Adam would move
parameters on by their old moments. So it is noted what took part, agreed upon by all processes, and the rest is None
again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn


class OwnUpdates:
    """Who has a part in the update at hand; `parameters` are those of each owner: a direction, or what some share."""

    def __init__(self, parameters: Mapping[str, Sequence[nn.Parameter]]) -> None:
        self.parameters = parameters
        self.used: set[str] = set()

    def note(self, owners: Iterable[str], counts: bool) -> None:
        """A micro-batch of these owners is about to run; one that does not count only keeps processes in step."""
        # An update begins with empty gradients, also where the last one was given up (fp16's overflow).
        if all(one.grad is None for some in self.parameters.values() for one in some):
            self.used.clear()
        if counts:
            self.used.update(owners)

    def settle(self, optimizer: Any) -> None:
        """Before a step of fairseq's `optimizer`: no gradients for owners without a part in the update."""
        unused = self._unused()
        # In low precision the steps are made on copies.
        pairs = zip(getattr(optimizer, "fp16_params", ()), getattr(optimizer, "fp32_params", ()), strict=True)
        copies = {id(parameter): copy for parameter, copy in pairs}
        for owner in unused:
            for parameter in self.parameters[owner]:
                parameter.grad = copies.get(id(parameter), parameter).grad = None

    def _unused(self) -> list[str]:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            first = next(one for some in self.parameters.values() for one in some)
            counts = torch.tensor([float(name in self.used) for name in self.parameters], device=first.device)
            torch.distributed.all_reduce(counts)
            return [name for name, count in zip(self.parameters, counts.tolist(), strict=True) if not count]
        return [name for name in self.parameters if name not in self.used]
