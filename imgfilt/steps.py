"""One step of a chain, as named and given by a pipeline's text or a recipe -> a checked `Stage`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgfilt.catalog import UnknownFilterError, find
from imgfilt.kernel import Kernel
from imgfilt.kernel_text import KernelError, kernel_from, normalized, weights_from
from imgfilt.params import ParameterError, from_text, validate
from imgfilt.spec import FilterSpec, Param
from imgfilt.stages import Stage

_KERNEL_PARAMS = (
    Param("kernel", "weights", None, "rows of weights, an ImageMagick kernel, or a file's name"),
    Param("bias", "float", 0.0, "added to every result"),
    Param("normalize", "bool", False, "divide the kernel by its sum"),
)
KERNEL_STEPS = {
    "correlate": FilterSpec("correlate", "basic", "A kernel of your own, as it is written", _KERNEL_PARAMS),
    "convolve": FilterSpec("convolve", "basic", "A kernel of your own, flipped", _KERNEL_PARAMS),
}
"""The steps that are no filters of the catalogue."""


class StepError(ValueError):
    """A step is wrong; `key` is the parameter that is to blame, "" for its name or the whole."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def make_stage(
    name: str, values: Mapping[str, Any], specs: Mapping[str, FilterSpec], *, folder: str = "", text: bool
) -> Stage:
    """The stage of filter `name` in `specs` (or of `correlate`, `convolve`) with `values`, defaults filled in.

    With `text` the values are texts yet, else numbers, strings and lists as TOML has them. `folder` is where the files
    of kernels are looked for. Raises StepError.

    >>> from imgfilt.catalog import builtin
    >>> make_stage("gaussian", {"sigma": "2"}, builtin(), text=True).title
    'gaussian sigma=2.0'
    """
    try:
        spec = find(name, {**specs, **KERNEL_STEPS})
    except UnknownFilterError as error:
        raise StepError(str(error)) from None
    by_name = {p.name: p for p in spec.params}
    given: dict[str, Any] = {}
    is_kernel = spec is KERNEL_STEPS.get(spec.name)
    for key, value in values.items():
        try:
            if key not in by_name:
                validate(spec, {key: value})
            if by_name[key].kind == "weights" and isinstance(value, str):
                given[key] = _kernel(spec, key, value, folder, whole=is_kernel)
            elif is_kernel and key == "kernel":
                given[key] = Kernel.of(value), 0.0
            else:
                given[key] = from_text(spec, by_name[key], value) if text else value
                validate(spec, {key: given[key]})
        except ValueError as error:
            raise StepError(str(error), key) from None
    if is_kernel:
        return _kernel_stage(spec, given)
    return Stage(spec, validate(spec, given))


def _kernel(spec: FilterSpec, key: str, text: str, folder: str, *, whole: bool) -> Any:
    try:
        return kernel_from(text, folder) if whole else weights_from(text, folder)
    except KernelError as error:
        raise ParameterError(f"{spec.name}: {key}: {error}") from None


def _kernel_stage(spec: FilterSpec, given: Mapping[str, Any]) -> Stage:
    if "kernel" not in given:
        raise StepError(f'{spec.name} needs a kernel, as in {spec.name} kernel="0 -1 0; -1 5 -1; 0 -1 0"')
    kernel, offset = given["kernel"]
    if given.get("normalize"):
        try:
            kernel = normalized(kernel)
        except KernelError as error:
            raise StepError(f"{spec.name}: {error}", "normalize") from None
    if spec.name == "convolve":
        kernel = kernel.flipped()
    return Stage(kernel, {"bias": float(given.get("bias", 0.0)) + offset})
