"""Packages beside OpenCV, for a reader who uses one of them: what each has for a case.

Each module has `PACKAGE`, the name under which it is installed, and `contenders(case)`, which imports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from imgfilt.bench.session import Others

MODULES = {
    "scipy": "imgfilt.bench.others.with_scipy",
    "scikit-image": "imgfilt.bench.others.with_skimage",
    "pillow": "imgfilt.bench.others.with_pillow",
    "pyvips": "imgfilt.bench.others.with_pyvips",
}

_PACKAGES = {name: name for name in MODULES} | {"pyvips": '"pyvips[binary]"'}  # with its own, fast libvips


def others(names: Sequence[str]) -> tuple[Others, dict[str, str]]:
    """The packages that can be imported, and the reason for each that cannot."""
    found, missing = {}, {}
    for name in names:
        module = import_module(MODULES[name])
        try:
            module.load()
        except (ImportError, OSError) as error:  # pyvips finds its library, or raises OSError
            missing[name] = (
                f"cannot be imported ({' '.join(str(error).split())}): pip install {_PACKAGES[name]}"
            )
        else:
            found[name] = module.contenders
    return found, missing
