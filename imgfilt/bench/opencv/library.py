"""cv2 itself, imported so that it may use what imgfilt uses and no more."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from imgfilt.bench.case import MissingPackageError
from imgfilt.cost import isa

_LIMITS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "v3": {"OPENCV_CPU_DISABLE": "AVX512-SKX", "OPENCV_IPP": "avx2"},
        "v2": {"OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,FP16,AVX", "OPENCV_IPP": "sse42"},
    }
)
"""The environment that keeps OpenCV, and the IPP inside it, to an instruction set of x86-64."""


def opencv() -> Any:
    """The module cv2, without AVX-512 where imgfilt runs without (`IMGFILT_ISA`). Variables that are set stay.

    OpenCV reads its variables as it is imported: an import before this one decides.

    Raises MissingPackageError where it is not installed.
    """
    if "cv2" not in sys.modules:
        for name, value in _LIMITS.get(isa(), {}).items():
            os.environ.setdefault(name, value)
    try:
        return import_module("cv2")
    except ImportError as error:
        raise MissingPackageError(
            f'bench compares with OpenCV, which cannot be imported ({error}): pip install "imgfilt[bench]"'
        ) from error


def ahead(cv2: Any) -> list[str]:
    """The instruction sets that OpenCV uses and imgfilt does not: none in a fair benchmark."""
    beyond = _LIMITS.get(isa(), {}).get("OPENCV_CPU_DISABLE", "").split(",")
    used = [name.lstrip("*") for name in cv2.getCPUFeaturesLine().split() if not name.endswith("?")]
    return [name for name in beyond if name in used]
