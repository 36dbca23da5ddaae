"""What processes have used: processor time and memory."""

from __future__ import annotations

from pathlib import Path

import psutil


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used so far, 0 where it is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def peak_bytes(pid: int) -> int:
    """Return the largest resident memory that a running process ever had, 0 where it is gone.

    It is what the kernel wrote down (VmHWM), so that nothing between two looks is missed.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), 0)
