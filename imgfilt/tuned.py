"""The file of constants that `imgfilt tune` measured, in the user's configuration folder: read, written, removed.

One processor and one version of imgfilt have one file, with a table for each instruction set that was tuned.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping
from typing import Any

import imgfilt
from imgfilt.processor import cpu_name

VERSION = 1


class TuningError(ValueError):
    """The file is damaged, or was measured elsewhere."""


class TuningWarning(UserWarning):
    """The file of tuned constants was not used."""


def tuned_path() -> str:
    """Where the file is, or would be."""
    if platform.system() == "Linux":  # as platformdirs, whose import takes longer than all of a plan
        own = os.environ.get("XDG_CONFIG_HOME", "").strip() or os.path.expanduser("~/.config")
        return os.path.join(own, "imgfilt", "tuned.toml")
    from platformdirs import user_config_dir

    return os.path.join(user_config_dir("imgfilt", appauthor=False), "tuned.toml")


def read_tuned(isa: str, names: tuple[str, ...]) -> Mapping[str, float] | None:
    """The constants of those names for an instruction set; None where there is no file or no table of it.

    Raises TuningError.
    """
    return read_all(names).get(isa)


def read_all(names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """The constants of each instruction set in the file; none without a file. Raises TuningError."""
    path = tuned_path()
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise TuningError(f"'{path}' cannot be read: {error.strerror}") from None
    import tomllib

    try:
        content = tomllib.loads(data.decode())
    except (ValueError, RecursionError):
        raise TuningError(f"'{path}' is damaged: it is not TOML") from None
    if content.get("version") != VERSION:
        raise TuningError(f"'{path}' is damaged, or of another format: it has no version = {VERSION}")
    made = content.get("imgfilt"), content.get("cpu")
    if made != (imgfilt.__version__, _processor()):
        raise TuningError(
            f"'{path}' is of imgfilt {made[0]} on {made[1]}, this is imgfilt {imgfilt.__version__} on {_processor()}"
        )
    tables = content.get("constants")
    if not isinstance(tables, dict) or not all(_is_table(t, names) for t in tables.values()):
        raise TuningError(f"'{path}' is damaged: a table of constants is not whole")
    return {isa: {name: float(value) for name, value in table.items()} for isa, table in tables.items()}


def write_tuned(isa: str, constants: Mapping[str, float]) -> str:
    """Writes the constants of an instruction set, beside those of others that still hold; gives the file's path.

    Raises OSError.
    """
    try:
        tables = read_all(tuple(constants))
    except TuningError:
        tables = {}
    tables[isa] = dict(constants)
    lines = ["# Written by imgfilt tune; imgfilt tune --reset removes it.", f"version = {VERSION}"]
    lines += [f'imgfilt = "{imgfilt.__version__}"', f'cpu = "{_processor()}"']
    for name, table in sorted(tables.items()):
        lines += ["", f"[constants.{name}]", *(f"{key} = {value:.6g}" for key, value in table.items())]
    path = tuned_path()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    beside = f"{path}.{os.getpid()}.tmp"
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        os.replace(beside, path)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise
    return path


def remove_tuned() -> bool:
    """Removes the file; whether there was one. Raises OSError."""
    try:
        os.unlink(tuned_path())
    except FileNotFoundError:
        return False
    return True


def _is_table(table: Any, names: tuple[str, ...]) -> bool:
    return (
        isinstance(table, dict)
        and set(table) == set(names)
        and all(type(value) in (int, float) and 0 < value < math.inf for value in table.values())
    )


def _processor() -> str:
    """The processor's name as a TOML string can have it."""
    return "".join(c if c.isprintable() and c not in '"\\' else " " for c in cpu_name())
