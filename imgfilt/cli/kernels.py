"""`convolve` and `correlate`: a kernel given on the command line or in a file."""

from __future__ import annotations

import os
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from imgfilt.cli.options import backend_option, common_options, files_argument, settings

_EXAMPLE = '"0 -1 0; -1 5 -1; 0 -1 0"'
_KERNEL_HELP = f"Rows between semicolons, as {_EXAMPLE}, or a .txt, .csv or .npy file."


def read_kernel(text: str) -> NDArray[np.float64]:
    """The kernel that `text` writes out (rows between semicolons), or that the file it names holds.

    Files: .npy, or text with a row on each line, spaces or commas between numbers and # before comments.
    Numbers may be fractions ("1/9"). Raises `click.UsageError`.
    """
    if os.path.isfile(text):
        return _from_file(text)
    if not _is_number(text.replace(";", " ").replace(",", " ").split()[:1]):
        raise click.UsageError(f"--kernel '{text}' is neither a file nor a kernel like {_EXAMPLE}")
    return _from_text(text, "--kernel")


def _is_number(words: list[str]) -> bool:
    try:
        return bool(words) and isinstance(_number(words[0]), float)
    except ValueError:
        return False


def _number(word: str) -> float:
    above, slash, below = word.partition("/")
    try:
        return float(above) / float(below) if slash else float(above)
    except ZeroDivisionError:
        raise ValueError(word) from None


def _from_text(text: str, where: str) -> NDArray[np.float64]:
    rows = []
    for line in text.replace(";", "\n").splitlines():
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            rows.append([_number(word) for word in words])
        except ValueError as error:
            raise click.UsageError(
                f"{where}: row {len(rows) + 1} '{line.strip()}' is not all numbers"
            ) from error
    if not rows:
        raise click.UsageError(f"{where}: no numbers; a kernel looks like {_EXAMPLE}")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise click.UsageError(f"{where}: row {number} has {len(row)} numbers, row 1 has {len(rows[0])}")
    return _checked(np.array(rows, dtype=np.float64), where)


def _from_file(path: str) -> NDArray[np.float64]:
    try:
        if path.lower().endswith(".npy"):
            kernel = np.load(path, allow_pickle=False)
            if kernel.dtype.kind not in "biuf":
                raise click.UsageError(f"'{path}' holds {kernel.dtype}, not numbers")
            return _checked(kernel.astype(np.float64), f"'{path}'")
        with open(path, encoding="utf-8") as file:
            return _from_text(file.read(), f"'{path}'")
    except (OSError, ValueError, EOFError) as error:
        raise click.UsageError(f"the kernel file '{path}' cannot be read: {error}") from error


def _checked(kernel: NDArray[np.float64], where: str) -> NDArray[np.float64]:
    if kernel.ndim != 2 or kernel.size == 0:
        raise click.UsageError(f"{where}: a kernel has two dimensions, this has shape {kernel.shape}")
    if not np.isfinite(kernel).all():
        raise click.UsageError(f"{where}: every weight must be finite")
    return kernel


def _command(name: str, summary: str) -> click.Command:
    def callback(kernel: str, bias: float, normalize: bool, **values: Any) -> None:
        from imgfilt.cli.run import run

        chosen = settings(values)
        weights = read_kernel(kernel)
        if normalize:
            total = float(weights.sum())
            if abs(total) <= 1e-12 * float(np.abs(weights).sum()):
                raise click.UsageError("--normalize divides by the sum of the weights, and that is 0")
            weights = weights / total

        def function(array: Any, **keywords: Any) -> Any:
            import imgfilt.api as api

            apply = api.convolve if name == "convolve" else api.correlate
            return apply(array, weights, bias=bias, **keywords)

        run(chosen, name, function, repr((name, weights.shape, weights.tobytes(), bias)))

    return click.Command(
        name,
        params=[
            files_argument(),
            click.Option(["--kernel"], required=True, metavar="KERNEL|FILE", help=_KERNEL_HELP),
            click.Option(
                ["--bias"], type=float, default=0.0, help="Added to every result, as 128 for embossing."
            ),
            click.Option(
                ["--normalize"], is_flag=True, help="Divide the kernel by its sum, to keep the brightness."
            ),
            backend_option(),
            *common_options(),
        ],
        callback=callback,
        help=f"{summary}\n\n\b\nExample:\n  imgfilt {name} --kernel {_EXAMPLE} photo.jpg",
    )


convolve_command = _command("convolve", "Convolves with a kernel of your own: flipped, as in mathematics.")
correlate_command = _command(
    "correlate", "Correlates with a kernel of your own: as it is written, not flipped."
)
