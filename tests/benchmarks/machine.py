"""Timing in turn, peak memory, and what the figures were measured on."""

from __future__ import annotations

import ctypes
import gc
import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from workflow_scripts.files import code_version

LIBRARIES = ("torch", "fairseq", "ctranslate2", "numpy", "pyarrow")


def facts() -> dict[str, str]:
    """Processor, threads, versions and commit."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    gpu = {"GPU": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    return {
        "processor": f"{cpu}, {os.cpu_count()} cores, {torch.get_num_threads()} thread(s) used",
        **gpu,
        "load when it ended": f"{os.getloadavg()[1]:.1f}",
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in LIBRARIES},
        "commit": code_version(),
    }


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds(task: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    synchronize()
    start = clock()
    task()
    synchronize()
    return clock() - start


def in_turn(tasks: dict[str, Callable[[], object]], repetitions: int, warm: bool = False) -> dict[str, float]:
    """Median seconds of each task; see `each_in_turn`."""
    times = each_in_turn(tasks, repetitions, warm)
    return {name: statistics.median(values) for name, values in times.items()}


def each_in_turn(
    tasks: dict[str, Callable[[], object]],
    repetitions: int,
    warm: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each task in each round; they take turns, and who begins changes every round.

    A first round does not count, unless the tasks are `warm` already. On a machine that others use, `clock` is better
    `time.process_time`: what this process computed, whoever else did.
    """
    names = list(tasks)
    for name in names if not warm else ():
        tasks[name]()
    times: dict[str, list[float]] = {name: [] for name in names}
    for repetition in range(repetitions):
        shift = repetition % len(names)
        for name in names[shift:] + names[:shift]:
            times[name].append(seconds(tasks[name], clock))
    return times


@contextmanager
def peak() -> Iterator[dict[str, float]]:
    """`megabytes` that the block needed at its worst beyond what was there before (GPU memory where there is one)."""
    found: dict[str, float] = {}
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        yield found
        found["megabytes"] = (torch.cuda.max_memory_allocated() - before) / 1e6
        return
    # Linux: give back what the allocator holds for later, and forget the high-water mark of the resident memory.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    yield found
    found["megabytes"] = (_status("VmHWM") - before) / 1e3


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(field))
