"""`convolve` and `correlate`: a kernel given on the command line or in a file."""

from __future__ import annotations

from typing import Any

import click

from imgfilt.cli import completers
from imgfilt.cli.options import backend_option, common_options, files_argument, settings
from imgfilt.kernel_text import EXAMPLE, KernelError, kernel_from, normalized

_KERNEL_HELP = (
    f"Rows between semicolons, as {EXAMPLE}; an ImageMagick kernel, as '3x3: 0,-1,0 -1,5,-1 0,-1,0'; or a .npy, "
    ".csv, .tsv, .txt or libvips .mat file."
)


def _command(name: str, summary: str) -> click.Command:
    def callback(kernel: str, bias: float, normalize: bool, **values: Any) -> None:
        from imgfilt.cli.run import run
        from imgfilt.stages import Stage, fingerprint

        chosen = settings(values)
        try:
            given = kernel_from(kernel)
            weights = normalized(given.kernel) if normalize else given.kernel
        except KernelError as error:
            raise click.UsageError(f"--kernel: {error}") from error

        def function(array: Any, **keywords: Any) -> Any:
            import imgfilt.api as api

            apply = api.convolve if name == "convolve" else api.correlate
            total = bias + given.bias
            return apply(array, weights.weights, anchor=weights.anchor, bias=total, **keywords)

        run(chosen, name, function, lambda: fingerprint((Stage(weights, {"bias": bias + given.bias}),), name))

    return click.Command(
        name,
        params=[
            files_argument(),
            click.Option(
                ["--kernel"],
                required=True,
                metavar="KERNEL|FILE",
                help=_KERNEL_HELP,
                shell_complete=completers.files,
            ),
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
        help=f"{summary}\n\n\b\nExample:\n  imgfilt {name} --kernel {EXAMPLE} photo.jpg",
    )


convolve_command = _command("convolve", "Convolves with a kernel of your own: flipped, as in mathematics.")
correlate_command = _command(
    "correlate", "Correlates with a kernel of your own: as it is written, not flipped."
)
