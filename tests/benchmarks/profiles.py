"""Where the time of one run goes, by kind of operation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile

from tests.benchmarks import machine

GROUPS = {
    "matrix products": ("aten::addmm", "aten::mm", "aten::bmm", "aten::baddbmm", "aten::addmv", "aten::mv"),
    "gathering and scattering": ("aten::index", "aten::scatter", "aten::gather", "aten::embedding"),
    "weights times masks, zeros, copies": ("aten::mul", "aten::copy_", "aten::zero_", "aten::fill_", "aten::clone"),
    "signs, non-zero indices, bincount": ("aten::sign", "aten::nonzero", "aten::bincount", "aten::gt"),
    "ReLU, dropout, norm, softmax": (
        "aten::relu",
        "aten::clamp_min",
        "aten::threshold",
        "aten::native_",
        "aten::bernoulli",
        "aten::_softmax",
        "aten::_log_softmax",
        "aten::div",
    ),
    "Adam": ("aten::_foreach", "aten::lerp", "aten::addcdiv", "aten::addcmul", "aten::sqrt"),
    "sums": ("aten::sum", "aten::add"),
}


def where_time_goes(task: Callable[[], object]) -> dict[str, float]:
    """Milliseconds of one run by kind of operation (operators' own time)."""
    cuda = torch.cuda.is_available()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities) as found:
        task()
        machine.synchronize()
    spent = dict.fromkeys([*GROUPS, "the rest"], 0.0)
    for event in found.key_averages():
        own = event.self_device_time_total if cuda else event.self_cpu_time_total
        # The longest prefix decides: addmm is not an addition.
        matches = [
            (len(start), group) for group, starts in GROUPS.items() for start in starts if event.key.startswith(start)
        ]
        spent[max(matches)[1] if matches else "the rest"] += own / 1e3
    return spent
