"""No symbol that the linker may merge across instruction sets: such code could run where it must not.

Inline functions and templates compiled for AVX-512 are weak symbols, and a linker that meets the same name in
several objects keeps any one of them, for every processor.
"""

import os
import platform
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NATIVE = ROOT / "imgfilt" / "native"

if not NATIVE.exists():
    pytest.skip("a wheel's tests have no sources beside them", allow_module_level=True)
if platform.machine() not in ("x86_64", "AMD64"):
    pytest.skip("one instruction set only on this kind of processor", allow_module_level=True)
if shutil.which("nm") is None:
    pytest.skip("needs nm", allow_module_level=True)


def cmake_list(name):
    """The words of `set(name ...)` in the build's own file, so that the flags here cannot drift from it."""
    found = re.search(rf"set\({name}\s+([^)]*)\)", (NATIVE / "CMakeLists.txt").read_text())
    assert found, f"no set({name} ...) in CMakeLists.txt"
    return found[1].split()


def built_objects():
    """Objects of a finished build of just these sources, if there is one."""
    newest_source = max(p.stat().st_mtime for p in NATIVE.iterdir())
    for cache in ROOT.glob("build/*/CMakeCache.txt"):
        objects = sorted(cache.parent.glob("CMakeFiles/kernels_*.dir/*.o"))
        fresh = objects and min(p.stat().st_mtime for p in objects) > newest_source
        if fresh and "IMGFILT_SANITIZE:BOOL=OFF" in cache.read_text():
            return objects
    return []


def compiled_objects(folder):
    """The same sources compiled here for the newest instruction set, with the build's flags."""
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("needs a C++ compiler or the objects of a build")
    isa = cmake_list("ISAS")[-1]
    flags = [
        "-std=c++20",
        "-fPIC",
        *cmake_list("KERNEL_FLAGS"),
        *cmake_list(f"FLAGS_{isa}"),
        f"-DIMGFILT_ISA={isa}",
    ]

    def compile_one(name):
        target = folder / f"{Path(name).stem}_{isa}.o"
        subprocess.run([compiler, *flags, "-c", str(NATIVE / name), "-o", str(target)], check=True)
        return target

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(compile_one, cmake_list("KERNEL_SOURCES")))


def test_kernel_objects_define_no_weak_symbols(tmp_path):
    objects = built_objects() or compiled_objects(tmp_path)
    assert len(objects) >= len(cmake_list("KERNEL_SOURCES"))
    for path in objects:
        listing = subprocess.run(
            ["nm", "-C", "--defined-only", path], check=True, capture_output=True, text=True
        )
        lines = [line.split(maxsplit=2) for line in listing.stdout.splitlines()]
        weak = [name for _, kind, name in lines if kind in "WwVvu"]
        assert not weak, f"{path.name} defines weak symbols: {weak[:5]}"
        exported = [name for _, kind, name in lines if kind in "TDBR"]
        assert len(exported) == 1, f"{path.name} should export its one table, not {exported}"
