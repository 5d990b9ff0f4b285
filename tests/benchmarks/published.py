"""The published procedure, written plainly from its description, to compare with. Slow on purpose."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from workflow_scripts.artifacts import Mask
from workflow_scripts.layers.specialized_ffn import ffn_layers


class MaskedLinear(nn.Linear):
    """fc1 whose weight is multiplied by a full boolean matrix at every step."""

    def __init__(self, dense: nn.Linear, masks: dict[str, Tensor]) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = dense.in_features, dense.out_features
        self.weight, self.bias = dense.weight, dense.bias
        self.masks = masks
        self.direction = next(iter(masks))

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.masks[self.direction] * self.weight, self.bias)


def install(model: nn.Module, rows: Iterable[Mask]) -> list[MaskedLinear]:
    """Masks as [F, d] matrices for every direction and layer, in fc1."""
    layers = ffn_layers(model)
    masks: dict[Any, dict[str, Tensor]] = {key: {} for key in layers}
    for row in rows:
        weight = layers[row.component, row.layer].fc1.weight
        matrix = torch.zeros(weight.shape, dtype=torch.bool, device=weight.device)
        matrix[torch.as_tensor(row.neurons.copy()).long()] = True
        masks[row.component, row.layer][row.pair] = matrix
    for key, layer in layers.items():
        layer.fc1 = MaskedLinear(layer.fc1, masks[key])
    return [layer.fc1 for layer in layers.values()]


class Recorder:
    """Keeps each FFN's input and output, copies the indices of active entries to the CPU, counts at the end."""

    def __init__(self, model: nn.Module) -> None:
        self.layers = ffn_layers(model)
        self.kept: list[tuple[Tensor, Tensor]] = []
        self.indices: dict[Any, list[Tensor]] = {key: [] for key in self.layers}
        self.hooks = [layer.fc2.register_forward_hook(self._hook(key)) for key, layer in self.layers.items()]

    def _hook(self, key: Any) -> Any:
        def keep(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            self.kept.append((inputs[0].detach(), output.detach()))
            self.indices[key].append((inputs[0] > 0).nonzero().cpu())

        return keep

    def counts(self) -> dict[Any, Tensor]:
        """Counts per layer; everything kept is let go."""
        for hook in self.hooks:
            hook.remove()
        found = {
            key: torch.bincount(torch.cat(indices)[:, -1], minlength=self.layers[key].fc2.in_features)
            for key, indices in self.indices.items()
        }
        self.kept.clear()
        return found


@torch.no_grad()
def record(model: nn.Module, batches: Iterable[dict[str, Any]]) -> dict[Any, Tensor]:
    """Counts over all positions, padding included, beside the loss, as a validation run does it."""
    recorder = Recorder(model)
    for batch in batches:
        inputs = batch["net_input"]
        logits, _ = model(inputs["src_tokens"], inputs["src_lengths"], inputs["prev_output_tokens"])
        logprobs = functional.log_softmax(logits.float(), dim=-1)
        functional.nll_loss(logprobs.flatten(0, 1), batch["target"].flatten(), ignore_index=1, reduction="sum").item()
    return recorder.counts()
