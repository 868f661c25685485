"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import imgfilt
from imgfilt.cost import isa
from imgfilt.processor import cpu_name


def describe(cv2: Any, threads: Sequence[int]) -> Mapping[str, Any]:
    """Processor, versions, and how OpenCV is set up, as plain data for JSON."""
    return {
        "cpu": cpu_name(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "imgfilt": imgfilt.__version__,
        "isa": isa(),
        "threads": list(threads),
        "opencv": cv2.__version__,
        "opencv_optimized": bool(cv2.useOptimized()),
        "opencv_ipp": cv2.ipp.getIppVersion() if cv2.ipp.useIPP() else None,
        "opencv_cpu_features": cv2.getCPUFeaturesLine(),
    }


def lines(machine: Mapping[str, Any]) -> list[str]:
    """The same in two lines for a reader."""
    ipp = machine["opencv_ipp"] or "off"
    return [
        f"{machine['cpu']}, {machine['cpus']} processors, {machine['system']}, Python {machine['python']}, "
        f"NumPy {machine['numpy']}",
        f"imgfilt {machine['imgfilt']} ({machine['isa']}) against OpenCV "
        f"{machine['opencv']} ("
        f"{'optimised' if machine['opencv_optimized'] else 'NOT optimised'}, IPP {ipp})",
    ]
