"""What was measured: times of backends on problems, remembered in memory, in files where the user asks for it.

A time holds for one version of imgfilt, one processor, one instruction set and one number of threads; whatever
was measured elsewhere is kept beside it and never used. The idea and its name are FFTW's (Frigo and Johnson, The
design and implementation of FFTW3, 2005).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import imgfilt
from imgfilt.cost import isa
from imgfilt.problem import Problem
from imgfilt.processor import cpu_name

FORMAT = "imgfilt wisdom"
VERSION = 1


class WisdomError(ValueError):
    """A file holds no wisdom, or none that this processor could use."""


class _Key(NamedTuple):
    imgfilt: str
    cpu: str
    isa: str
    threads: int
    problem: str


_known: dict[_Key, dict[str, float]] = {}
_edition = 0


def recall(problem: Problem, threads: int) -> Mapping[str, float]:
    """The seconds that backends took for a problem on this machine; empty where it was never measured."""
    return _known.get(_key(problem, threads), {})


def remember(problem: Problem, threads: int, seconds: Mapping[str, float]) -> None:
    """Keeps what backends took for a problem on this machine."""
    _known.setdefault(_key(problem, threads), {}).update(seconds)


def edition() -> int:
    """A number that changes when wisdom is imported or forgotten: plans that rest on it are then out of date."""
    return _edition


def export_wisdom(path: str | os.PathLike[str]) -> int:
    """Writes all that `effort="measure"` has measured, or that was imported, to a JSON file; gives how many problems.

    Raises OSError where the file cannot be written; one that was there is then left as it was.

    >>> import imgfilt  # doctest: +SKIP
    >>> imgfilt.plan("gaussian", shape=(2160, 3840), sigma=9, effort="measure")  # doctest: +SKIP
    >>> imgfilt.export_wisdom("wisdom.json")  # doctest: +SKIP
    1
    """
    entries = [key._asdict() | {"seconds": dict(seconds)} for key, seconds in sorted(_known.items())]
    text = json.dumps({"format": FORMAT, "version": VERSION, "entries": entries}, indent=1) + "\n"
    beside = f"{os.fspath(path)}.{os.getpid()}.tmp"
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(beside, path)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise
    return len(entries)


def import_wisdom(path: str | os.PathLike[str]) -> int:
    """Adds a file's times to those that are known; gives the number of problems that this machine can use.

    Problems measured with other numbers of threads or instruction sets of this processor count, those of other
    processors or versions of imgfilt are kept, for `export_wisdom`, and do not count.

    Raises WisdomError (a ValueError) for a file that is damaged, of another version of the format, or has only times of
    other processors or versions of imgfilt; OSError where it cannot be read.

    >>> import imgfilt  # doctest: +SKIP
    >>> imgfilt.import_wisdom("wisdom.json")  # doctest: +SKIP
    1
    """
    global _edition
    name = os.fspath(path)
    found = _read(name)
    ours = [key for key in found if (key.imgfilt, key.cpu) == (imgfilt.__version__, cpu_name())]
    if found and not ours:
        other = next(iter(found))
        raise WisdomError(
            f"'{name}' has no times of this machine: they are of imgfilt {other.imgfilt} on {other.cpu}, "
            f'this is imgfilt {imgfilt.__version__} on {cpu_name()}; measure here with effort="measure"'
        )
    for key, seconds in found.items():
        _known.setdefault(key, {}).update(seconds)
    _edition += 1
    return len(ours)


def forget_wisdom() -> None:
    """Forgets every measured time, so that `effort="measure"` measures anew.

    >>> import imgfilt
    >>> imgfilt.forget_wisdom()
    """
    global _edition
    _known.clear()
    _edition += 1


def _key(problem: Problem, threads: int) -> _Key:
    kernel = problem.kernel
    digest = hashlib.blake2b(kernel.weights.tobytes(), digest_size=16).hexdigest()
    words = [
        "kernel {}x{} {}".format(*kernel.shape, digest),
        "anchor {} {}".format(*kernel.anchor),
        f"image {problem.height}x{problem.width}x{problem.channels} {problem.dtype}",
        f"range {problem.low!r} {problem.high!r} tolerance {problem.tolerance!r}",
        f"border {problem.border} alone {problem.alone}",
        "stride {} {} extra {} {}".format(*problem.stride, *problem.extra),
    ]
    return _Key(imgfilt.__version__, cpu_name(), isa(), threads, ", ".join(words))


def _read(name: str) -> dict[_Key, dict[str, float]]:
    with open(name, "rb") as file:
        data = file.read()
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):  # not UTF-8, not JSON
        raise WisdomError(f"'{name}' is no wisdom: it is not JSON, or cut off; export it anew") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise WisdomError(f"'{name}' is no wisdom: only files that imgfilt.export_wisdom wrote are")
    if content.get("version") != VERSION:
        raise WisdomError(
            f"'{name}' is wisdom of format version {content.get('version')!r}, this imgfilt reads {VERSION}; "
            "measure anew"
        )
    entries = content.get("entries")
    if not isinstance(entries, list):
        raise WisdomError(f"'{name}' is damaged: it has no list of entries; export it anew")
    found = {}
    for number, entry in enumerate(entries, 1):
        if not _is_entry(entry):
            raise WisdomError(
                f"'{name}' is damaged: entry {number} of {len(entries)} is none; export it anew"
            )
        found[_Key(*(entry[field] for field in _Key._fields))] = {
            k: float(v) for k, v in entry["seconds"].items()
        }
    return found


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or set(entry) != {*_Key._fields, "seconds"}:
        return False
    words = all(isinstance(entry[f], str) for f in _Key._fields if f != "threads")
    threads, seconds = entry["threads"], entry["seconds"]
    if not words or type(threads) is not int or threads < 1 or not isinstance(seconds, dict):
        return False
    return all(type(s) in (int, float) and 0 < s < math.inf for s in seconds.values())
