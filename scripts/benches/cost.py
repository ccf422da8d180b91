"""What a command takes as a whole process: time, and memory."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What one command took."""

    seconds: float
    memory_mb: float
    """Peak of the largest of its processes."""

    output: str = ""


def cost_of(*command: str) -> Cost:
    """Run a command as a whole process, and return what it took."""
    measured = (
        "import resource, subprocess, sys, time;"
        "started = time.perf_counter();"
        "done = subprocess.run(sys.argv[1:], check=True, capture_output=True, text=True);"
        "print(time.perf_counter() - started,"
        " resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss);"
        "print(done.stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", measured, *command], check=True, capture_output=True, text=True
    )
    first, _, output = done.stdout.partition("\n")
    seconds, kilobytes = first.split()
    return Cost(float(seconds), int(kilobytes) / 1024, output)
