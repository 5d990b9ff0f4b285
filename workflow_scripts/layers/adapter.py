"""An adapter: a small network in a residual of its own."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import layer_norm, linear, relu


def adapted(x: Tensor, own: Mapping[str, Tensor]) -> Tensor:
    """`x + up · relu(down · norm(x) + down_bias) + up_bias`, [..., d]; `own` has the parameters by these names."""
    normed = layer_norm(x, own["norm"].shape, own["norm"], own["norm_bias"])
    return x + linear(relu(linear(normed, own["down"], own["down_bias"])), own["up"], own["up_bias"])
