"""The values of a filter's parameters: checked, completed, described, read from text."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from imgfilt.kernel import Kernel
from imgfilt.kernel_text import KernelError, weights_from
from imgfilt.spec import FilterSpec, Param, ParamKind


class ParameterError(ValueError):
    """A filter's parameter is unknown, or its value is not one that the filter takes."""


def validate(spec: FilterSpec, params: Mapping[str, Any]) -> dict[str, Any]:
    """`params` checked against `spec.params`, in the spec's order, defaults filled in.

    Numbers may be Python's or NumPy's; a float parameter takes integers too. None stands for the default.
    Raises ParameterError with one line that quotes the value and says what would be right.
    """
    for name in params:
        if not any(p.name == name for p in spec.params):
            raise ParameterError(_unknown(spec, name))
    return {p.name: _checked(spec, p, params.get(p.name)) for p in spec.params}


def from_text(spec: FilterSpec, p: Param, text: str) -> Any:
    """The value that `text`, from a command line or a pipeline, stands for, checked.

    Kernels are written as `imgfilt.kernel_text` reads them: "0 -1 0; -1 5 -1; 0 -1 0". Raises ParameterError.
    """
    try:
        return _checked(spec, p, _READERS[p.kind](text))
    except KernelError as error:
        raise ParameterError(f"{spec.name}: {p.name}: {error}") from None
    except (KeyError, ValueError):
        raise _refused(spec, p, text) from None


def nearest(name: str, names: Sequence[str]) -> str:
    """ " (did you mean 'gaussian'?)" for the names closest to `name`, or "" where none is close."""
    from difflib import get_close_matches

    close = get_close_matches(name, names, n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(repr(c) for c in close)}?)" if close else ""


def _unknown(spec: FilterSpec, name: str) -> str:
    names = [p.name for p in spec.params]
    if not names:
        return f"{spec.name} has no parameters, got {name!r}"
    return f"{spec.name} has no parameter {name!r}{nearest(name, names)}; it has {', '.join(names)}"


def _checked(spec: FilterSpec, p: Param, value: Any) -> Any:
    value = p.default if value is None else value
    if value is None:
        return None
    try:
        result = _CHECKS[p.kind](p, value)
    except (TypeError, ValueError, OverflowError):
        result = None
    if result is None or not _in_range(p, result):
        raise _refused(spec, p, value)
    return result


def _refused(spec: FilterSpec, p: Param, value: Any) -> ParameterError:
    quoted = repr(value)
    quoted = quoted if len(quoted) <= 80 else quoted[:77] + "..."
    return ParameterError(f"{spec.name}: {p.name} must be {expected(p)}, got {quoted}")


def expected(p: Param) -> str:
    """What a value of `p` may be, in words: "an odd integer from 1 to 31 (px)"."""
    if p.kind == "choice":
        return "one of " + ", ".join(p.choices)
    words = {"float": "a number", "int": "an integer", "size": "an odd integer", "bool": "true or false"}
    text = words.get(p.kind, "a 2-D kernel of finite numbers")
    low = 1 if p.kind == "size" and p.minimum is None else p.minimum
    if low is not None:
        text += f" greater than {low:g}" if p.exclusive_minimum else f" from {low:g}"
    if p.maximum is not None:
        text += f" {'and at most' if p.exclusive_minimum or low is None else 'to'} {p.maximum:g}"
    elif low is not None and not p.exclusive_minimum:
        text += " up"
    return text + (f" ({p.unit})" if p.unit else "")


def _in_range(p: Param, value: Any) -> bool:
    if p.kind not in ("float", "int", "size"):
        return True
    if p.minimum is not None and (value <= p.minimum if p.exclusive_minimum else value < p.minimum):
        return False
    return p.maximum is None or bool(value <= p.maximum)


def _float(p: Param, value: Any) -> float | None:
    if isinstance(value, str | bytes | bool):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _int(p: Param, value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return operator.index(value)


def _size(p: Param, value: Any) -> int | None:
    size = _int(p, value)
    return size if size is not None and size > 0 and size % 2 else None


def _bool(p: Param, value: Any) -> bool | None:
    return bool(value) if value in (True, False) else None


def _choice(p: Param, value: Any) -> str | None:
    return value if isinstance(value, str) and value in p.choices else None


def _weights(p: Param, value: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in Kernel.of(value).weights.tolist())


_CHECKS: dict[str, Callable[[Param, Any], Any]] = {
    "float": _float,
    "int": _int,
    "size": _size,
    "bool": _bool,
    "choice": _choice,
    "weights": _weights,
}


_BOOLEANS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}

_READERS: dict[ParamKind, Callable[[str], Any]] = {
    "float": float,
    "int": int,
    "size": int,
    "bool": lambda text: _BOOLEANS[text.lower()],
    "choice": str,
    "weights": weights_from,
}
KINDS = tuple(_CHECKS)
