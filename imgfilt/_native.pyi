from typing import Any

from numpy.typing import NDArray

def isa() -> str: ...
def isas() -> list[str]: ...
def all_threads() -> int: ...
def multiply_adds(turns: int, threads: int) -> int: ...

class Program:
    def __init__(self, ops: list[dict[str, Any]]) -> None: ...
    def workspace(self, width: int) -> int: ...
    def reach(self) -> int: ...
    def block(self) -> int: ...
    def run(
        self,
        border: int,
        image: NDArray[Any],
        out: NDArray[Any],
        cval: float,
        threads: int,
        begin: int = 0,
    ) -> None: ...

def fourier_radices(n: int) -> list[int]: ...

class Fourier:
    def __init__(self, weights: NDArray[Any], options: dict[str, Any]) -> None: ...
    def workspace(self, channels: int) -> int: ...
    def run(
        self,
        pixels: Program,
        border: int,
        image: NDArray[Any],
        out: NDArray[Any],
        cval: float,
        threads: int,
    ) -> None: ...

def median(
    size: int, border: int, image: NDArray[Any], out: NDArray[Any], cval: float, threads: int
) -> None: ...
def bilateral(
    diameter: int,
    sigma_color: float,
    sigma_space: float,
    border: int,
    image: NDArray[Any],
    out: NDArray[Any],
    cval: float,
    threads: int,
) -> None: ...
def canny(
    low: float, high: float, border: int, image: NDArray[Any], out: NDArray[Any], cval: float, threads: int
) -> None: ...
def integral(image: NDArray[Any], out: NDArray[Any], threads: int) -> None: ...
def reduce_rows(
    image: NDArray[Any],
    out: NDArray[Any],
    taps: list[float],
    step: int,
    first: int,
    border: int,
    cval: float,
    threads: int,
) -> None: ...
def expand_rows(
    image: NDArray[Any], out: NDArray[Any], taps: list[float], step: int, first: int, threads: int
) -> None: ...

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]

def bank_direct(
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None,
    out: NDArray[Any],
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    threads: int,
) -> None: ...
def bank_direct_workspace(
    x: Sides,
    out: Sides,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    itemsize: int,
    threads: int,
) -> int: ...
def bank_rows(
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None,
    out: NDArray[Any],
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    threads: int,
) -> None: ...
def bank_rows_workspace(
    x: Sides,
    out: Sides,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    itemsize: int,
    threads: int,
) -> int: ...
def bank_im2win(
    layout: int,
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None,
    out: NDArray[Any],
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    threads: int,
) -> None: ...
def bank_im2win_workspace(
    layout: int,
    x: Sides,
    out: Sides,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    itemsize: int,
    threads: int,
) -> int: ...
def bank_shifted(
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None,
    out: NDArray[Any],
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    threads: int,
) -> None: ...
def bank_shifted_workspace(
    x: Sides,
    out: Sides,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    itemsize: int,
    threads: int,
) -> int: ...
def plain_product(left: NDArray[Any], right: NDArray[Any], out: NDArray[Any]) -> None: ...
def transposed(
    method: int,
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None,
    out: NDArray[Any],
    stride: Pair,
    lacking: Pair,
    dilation: Pair,
    groups: int,
    threads: int,
) -> None: ...
def transposed_workspace(
    method: int,
    x: Sides,
    out: Sides,
    kernel: Pair,
    stride: Pair,
    lacking: Pair,
    dilation: Pair,
    groups: int,
    itemsize: int,
    threads: int,
) -> int: ...
def col2im(
    cols: NDArray[Any],
    bias: NDArray[Any] | None,
    out: NDArray[Any],
    stride: Pair,
    lacking: Pair,
    dilation: Pair,
) -> None: ...
