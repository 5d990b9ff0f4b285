"""The GPUs of this machine: how many there are, and which of them a job may use."""

from __future__ import annotations

import fcntl
import getpass
import os
import tempfile
import time
from pathlib import Path

LOCKS: list[int] = []
"""Descriptors that hold what this process has claimed, until it ends."""


def present(devices: Path = Path("/dev")) -> list[str]:
    """Numbers of the NVIDIA GPUs that jobs here may use, in order; CUDA_VISIBLE_DEVICES limits them."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [number for number in visible.split(",") if number and number != "-1"]
    numbers = [path.name.removeprefix("nvidia") for path in devices.glob("nvidia[0-9]*")]
    return sorted(numbers, key=int)


def claim(count: int, wait: float = 30.0) -> None:
    """Choose `count` GPUs that no other job on this machine has claimed, and let CUDA see only those.

    Does nothing within a SLURM job, which has its own GPUs, and where there are not that many. Waits while others hold
    them. The claim ends with the process, however it ends.
    """
    numbers = present()
    if not count or "SLURM_JOB_ID" in os.environ or len(numbers) < count:
        return
    folder = Path(tempfile.gettempdir()) / f"neuron-specialization-gpus-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        held = {number: lock for number in numbers if (lock := _lock(folder / number)) is not None}
        if len(held) >= count:
            break
        for lock in held.values():
            os.close(lock)
        print(f"waiting for {count} of this machine's {len(numbers)} GPUs to be free", flush=True)
        time.sleep(wait)
    mine = list(held)[:count]
    for number, lock in held.items():
        LOCKS.append(lock) if number in mine else os.close(lock)
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(mine)


def _lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
