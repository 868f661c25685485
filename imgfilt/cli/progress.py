"""The progress bar: files, megapixels a second, time left."""

from __future__ import annotations

from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from imgfilt.batch.results import Tally


class Bar:
    """A bar on standard error that follows a tally."""

    def __init__(self, tally: Tally) -> None:
        self._tally, self._begin = tally, perf_counter()
        self._progress = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("files"),
            TextColumn("{task.fields[rate]:.0f} MP/s"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=tally.expected, rate=0.0)
        self._progress.start()

    def update(self) -> None:
        seconds = max(perf_counter() - self._begin, 1e-3)
        rate = self._tally.pixels / 1e6 / seconds
        self._progress.update(
            self._task, completed=self._tally.finished, total=self._tally.expected, rate=rate
        )

    def line(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._progress.stop()
