"""`pyr-down`, `pyr-up` and `upsample`: filters whose result is of another size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from imgfilt.cli.options import backend_option, common_options, files_argument, settings

KERNELS = ("nearest", "bilinear", "bicubic", "lanczos", "gaussian")


def _command(name: str, own: list[click.Option], border: str, text: str) -> click.Command:
    options = common_options()
    for option in options:
        if option.name == "border":
            option.default = border

    def callback(**values: Any) -> None:
        from imgfilt.cli.run import run

        chosen = settings(values)
        params = _params({option.name: values[option.name] for option in own if option.name != "backend"})

        def function(array: Any, **keywords: Any) -> Any:
            import imgfilt.resizing as resizing

            return getattr(resizing, name)(array, **params, **keywords)

        words = sorted((key, str(value)) for key, value in params.items())
        run(chosen, name, function, lambda: f"{name} {words}")

    return click.Command(name, params=[files_argument(), *own, *options], callback=callback, help=text)


def _params(values: Mapping[str | None, Any]) -> dict[str, Any]:
    """The options as keywords of the function; a kernel that is no name is read. Raises `click.UsageError`."""
    params = {str(name): value for name, value in values.items()}
    kernel = params.get("kernel")
    if kernel is not None and kernel not in KERNELS:
        from imgfilt.kernel_text import KernelError, kernel_from

        try:
            weights = kernel_from(kernel).kernel.weights
        except KernelError as error:
            raise click.UsageError(f"--kernel: not one of {', '.join(KERNELS)}, and {error}") from error
        params["kernel"] = weights[0] if weights.shape[0] == 1 else weights
    return params


pyr_down_command = _command(
    "pyr_down",
    [backend_option()],
    "reflect101",
    "Halves the size: blurs with 1 4 6 4 1 both ways and keeps every second pixel, as cv2.pyrDown.\n\n"
    "\b\nExample:\n  imgfilt pyr-down photo.jpg -o half.jpg",
)
pyr_up_command = _command(
    "pyr_up",
    [],
    "reflect101",
    "Doubles the size by the kernel of pyramids, 1 4 6 4 1 both ways, as cv2.pyrUp.\n\n"
    "\b\nExample:\n  imgfilt pyr-up photo.jpg -o double.jpg",
)
upsample_command = _command(
    "upsample",
    [
        click.Option(
            ["--factor"], type=click.IntRange(1, 64), default=2, show_default=True, help="How many times."
        ),
        click.Option(
            ["--kernel"],
            metavar="NAME|KERNEL|FILE",
            default="bicubic",
            show_default=True,
            help=f"{', '.join(KERNELS)}; or weights: one row for both axes, or rows between semicolons.",
        ),
        click.Option(
            ["--gain"],
            type=click.Choice(["check", "normalize", "any"]),
            default="check",
            show_default=True,
            help="Of weights from which a flat picture would become a checkerboard: refuse, scale or take them.",
        ),
    ],
    "replicate",
    "Enlarges by a whole factor: a transposed convolution, without inserting a zero.\n\n"
    "\b\nExample:\n  imgfilt upsample --factor 3 --kernel lanczos photo.jpg -o large.png",
)
