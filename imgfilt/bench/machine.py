"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import imgfilt
from imgfilt.bench.limits import Limits
from imgfilt.bench.opencv.library import ahead
from imgfilt.cost import isa
from imgfilt.processor import cpu_name


def describe(cv2: Any, limits: Sequence[Limits]) -> dict[str, Any]:
    """Processor, versions, and how OpenCV is set up, as plain data for JSON."""
    return {
        "cpu": cpu_name(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "imgfilt": imgfilt.__version__,
        "isa": isa(),
        "limits": [most.record() for most in limits],
        "opencv": cv2.__version__,
        "opencv_optimized": bool(cv2.useOptimized()),
        "opencv_ipp": cv2.ipp.getIppVersion() if cv2.ipp.useIPP() else None,
        "opencv_cpu_features": cv2.getCPUFeaturesLine(),
        "opencv_ahead": ahead(cv2),
    }


def lines(machine: Mapping[str, Any]) -> list[str]:
    """The same in a few lines for a reader."""
    ipp = machine["opencv_ipp"] or "off"
    found = [
        f"{machine['cpu']}, {machine['cpus']} processors, {machine['system']}, Python {machine['python']}, "
        f"NumPy {machine['numpy']}",
        f"imgfilt {machine['imgfilt']} ({machine['isa']}) against OpenCV {machine['opencv']} ("
        f"{'optimised' if machine['opencv_optimized'] else 'NOT optimised'}, IPP {ipp})",
    ]
    found += [
        f"{most['threads']} thread{'s' * (most['threads'] > 1)}: a copy moves {most['copy_gb_s']:.1f} GB/s (read and "
        f"written), {most['fma_gmac_s']:.0f} multiply-adds of float32 a nanosecond"
        for most in machine["limits"]
    ]
    if machine["opencv_ahead"]:
        found.append(
            f"unfair: OpenCV uses {', '.join(machine['opencv_ahead'])}, imgfilt does not; unset OPENCV_CPU_DISABLE"
        )
    return found
