"""A process of its own, and how long it took, its start included."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

OURS = (sys.executable, "-P", "-m", "imgfilt")
"""The command line of this very package."""


def seconds(command: Sequence[str], extra: Mapping[str, str] | None = None) -> float:
    """The time of one process, with these variables too. It finds this very package, wherever that is.

    Raises subprocess.CalledProcessError where it fails.
    """
    import imgfilt

    root = str(Path(imgfilt.__file__).parent.parent)
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": paths} | dict(extra or {})
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, as for a user
    begin = perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return perf_counter() - begin


def last_line(error: subprocess.CalledProcessError) -> str:
    """What a process that failed said last."""
    said = (error.stderr or b"").decode(errors="replace").strip().splitlines()[-1:]
    return " ".join(said) or str(error)
