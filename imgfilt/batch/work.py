"""What is done with a file: read, filter, write. One `Result` each, whatever happens."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

from imgfilt.batch.budget import LOOK_FIRST, Budget, Share, estimate, machine_memory
from imgfilt.batch.errors import StoppedError
from imgfilt.batch.results import Result
from imgfilt.batch.sources import STREAM
from imgfilt.batch.stop import Stop
from imgfilt.batch.targets import Job
from imgfilt.io import FORMATS, MAX_PIXELS, QUALITY, Info, Picture, of_path, probe, read
from imgfilt.io.errors import NotReadableError, TooLargeError, UnknownFormatError
from imgfilt.io.output import Output, not_writable
from imgfilt.io.writer import encode, fit

if TYPE_CHECKING:
    from imgfilt.bands import RowImage
    from imgfilt.batch.journal import Journal

Filter = Callable[..., NDArray[Any]]
"""Called as `filter(array, alpha=..., threads=..., dtype=..., **keywords)`."""


class Work(NamedTuple):
    """What is to be done with every file.

    label       the filter's name, for people and for names of files
    function    the filter
    keywords    what it gets besides the array
    alpha       how alpha is treated; by default colours are weighted by it
    format      of results that go to standard output; by default the input's
    bits        8, 16 or 32 bits a sample in the result; by default the input's
    ahead       gives a picture that was read ahead, or None where that one was not
    look        called with the pictures before and after; what it returns is in the result
    """

    label: str
    function: Filter
    keywords: Mapping[str, Any]
    alpha: str | None = None
    quality: int = QUALITY
    format: str | None = None
    bits: int | None = None
    max_pixels: int = MAX_PIXELS
    ahead: Callable[[str, int], Picture | None] | None = None
    look: Callable[[Picture, Picture], Any] | None = None

    def filtered(self, picture: Picture, threads: int) -> Picture:
        """The picture with every frame filtered, in the depth that was asked for."""

        def function(array: NDArray[Any]) -> NDArray[Any]:
            result: NDArray[Any] = self.apply(array, threads)
            if self.bits is None:
                return result
            from imgfilt.batch import depth

            return depth.convert(result, array.dtype.name, self.bits)

        return picture.map(function)

    def apply(self, image: NDArray[Any] | RowImage, threads: int) -> Any:
        """The filter on an array or an image of rows, in a dtype that holds the bits that were asked for."""
        has_alpha = len(image.shape) == 3 and image.shape[2] in (2, 4)
        keywords = {**self.keywords, "alpha": self.alpha or ("premultiply" if has_alpha else "each")}
        if self.bits is not None:
            from imgfilt.batch import depth

            keywords["dtype"] = depth.computed_in(str(image.dtype), self.bits)
        return self.function(image, threads=threads, **keywords)


class Performer:
    """Does the work on one job after another, from any number of threads."""

    def __init__(
        self,
        work: Work,
        budget: Budget,
        stop: Stop,
        journal: Journal | None = None,
        *,
        make_folders: bool = False,
        alone: bool = False,
        fail_fast: bool = False,
        raising: bool = False,
    ) -> None:
        """`make_folders`: a result's folder is made where it is missing. `alone`: the only file may be a pipe.
        `fail_fast`: a failure stops all. `raising`: errors are raised instead of becoming results."""
        self.work, self.budget, self.stop, self.journal = work, budget, stop, journal
        self._make_folders, self._alone = make_folders, alone
        self._fail_fast, self._raising = fail_fast, raising
        self._made: set[str] = set()

    def __call__(self, job: Job) -> Result:
        """The job's result. Raises `StoppedError`, and `BrokenPipeError` where nobody reads our output."""
        try:
            self.stop.check()
            with self.budget.file() as share:
                return self._perform(job, share)
        except (BrokenPipeError, StoppedError):
            raise
        except Exception as error:
            self.stop.check()  # what was abandoned fails, and is no failure of the file
            if self._raising:
                raise
            if self._fail_fast:
                self.stop.ask()
            return failure(job.source.path, self.work.label, error)

    def _perform(self, job: Job, share: Share) -> Result:
        path = job.source.path
        status = self._status(path)
        why = ""
        if status is not None and job.target.lower().endswith(FORMATS["tiff"]):
            from imgfilt.bands import NotInBandsError
            from imgfilt.batch import large

            if large.wanted(path, status.st_size, self.budget.memory, self.work.max_pixels):
                try:
                    return self._perform_in_bands(job, status, share)
                except NotInBandsError as error:
                    why = f"; {error}"
        begin = perf_counter()
        try:
            picture = self._read(path, status, share)
        except TooLargeError as error:
            raise TooLargeError(f"{error}{why}") from error
        decoded = perf_counter() - share.waited
        pixels = _pixels(picture)
        self.stop.check()
        result = self.work.filtered(picture, share.threads)
        filtered = perf_counter() - share.waited
        seen = self.work.look(picture, result) if self.work.look is not None else None
        notes, kind = picture.notes, self._kind(job.target, picture.format)
        del picture
        looked = perf_counter() - share.waited
        result, more = fit(result, kind)
        if self.work.bits is not None:
            from imgfilt.batch import depth

            depth.check(self.work.bits, kind, job.target)
        if job.target == STREAM:
            written = _to_stdout(result, kind, self.work.quality, share.threads)
        else:
            written = self._write(
                job, lambda file: encode(file, result, kind, self.work.quality, share.threads), status
            )
        end = perf_counter() - share.waited
        return Result(
            path,
            job.target,
            self.work.label,
            "ok",
            shape=result.array.shape,
            dtype=result.array.dtype.name,
            frames=1 + len(result.pages),
            pixels=pixels,
            decode=decoded - begin,
            filtering=filtered - decoded,
            encode=end - looked,
            bytes_in=status.st_size if status is not None else 0,
            bytes_out=written,
            notes=notes + more,
            seen=seen,
        )

    def _perform_in_bands(self, job: Job, status: os.stat_result, share: Share) -> Result:
        """A large TIFF. Reading and filtering go on at the same time, and are told as one.

        Raises NotInBandsError before anything is written.
        """
        from imgfilt.batch import large

        begin = perf_counter()
        path, work = job.source.path, self.work
        with large.opened(path, work, share.threads, self.budget.memory) as tiff:
            share.reserve(tiff.memory)
            written = self._write(job, lambda file: tiff.write(file, self.stop.check), status)
            end = perf_counter() - share.waited
            return Result(
                path,
                job.target,
                work.label,
                "ok",
                shape=tiff.shape,
                dtype=tiff.dtype,
                frames=tiff.frames,
                pixels=tiff.pixels,
                filtering=tiff.waited,
                encode=end - begin - tiff.waited,
                bytes_in=status.st_size,
                bytes_out=written,
                notes=tiff.notes,
                seen=tiff.seen(),
            )

    def _status(self, path: str) -> os.stat_result | None:
        """What the system says of a file; None where reading says it better."""
        if path == STREAM:
            return None
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        if not self._alone and not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise NotReadableError(f"'{path}' is no regular file, but a pipe, a socket or a device")
        return status

    def _read(self, path: str, status: os.stat_result | None, share: Share) -> Picture:
        size = status.st_size if status is not None else 0
        limit, bits = self.work.max_pixels, self.work.bits

        def admit(info: Info) -> None:
            need = estimate(info, size, sample_bytes=4 if bits is not None and bits > 8 else 0)
            if need > machine_memory():
                raise TooLargeError(
                    f"'{path}' is {info.width}x{info.height} and needs about {need / 1e9:.1f} GB of memory; "
                    f"this machine has {machine_memory() / 1e9:.1f}"
                )
            share.reserve(need)

        if path == STREAM:
            return read(sys.stdin.buffer.read(), max_pixels=limit, name="standard input", on_header=admit)
        if self.work.ahead is not None:
            picture = self.work.ahead(path, limit)
            if picture is not None:
                return picture
        if size > LOOK_FIRST and status is not None and stat.S_ISREG(status.st_mode):
            admit(probe(path, max_pixels=limit))
        return read(path, max_pixels=limit, on_header=admit)

    def _kind(self, target: str, original: str) -> str:
        if target != STREAM:
            try:
                return of_path(target)
            except UnknownFormatError:
                if not os.path.exists(target) or os.path.isfile(target):
                    raise
        return self.work.format or (original if original in FORMATS else "png")

    def _write(self, job: Job, encode: Callable[[Output], None], status: os.stat_result | None) -> int:
        """Writes the result whole, notes it in the journal, and gives its size in bytes."""
        target = job.target
        if self._make_folders:
            self._make_folder(os.path.dirname(target))
        with self.stop.writing(target) as file:
            encode(file)
            made = os.fstat(file.fileno())
            if self.journal is not None and status is not None and stat.S_ISREG(status.st_mode):
                self.journal.add(job, status, made, file.checksum())
            return made.st_size

    def _make_folder(self, folder: str) -> None:
        if folder and folder not in self._made:
            try:
                os.makedirs(folder, exist_ok=True)
            except OSError as error:
                raise not_writable(f"the folder '{folder}'", error) from error
            self._made.add(folder)


def _pixels(picture: Picture) -> int:
    return sum(frame.array.shape[0] * frame.array.shape[1] for frame in picture.frames())


def _to_stdout(picture: Picture, kind: str, quality: int, threads: int) -> int:
    import io

    buffer = io.BytesIO()  # a pipe cannot seek, and half a picture in it helps nobody
    encode(buffer, picture, kind, quality, threads)
    try:
        sys.stdout.buffer.write(buffer.getbuffer())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise not_writable("standard output", error) from error
    return buffer.tell()


def failure(path: str, label: str, error: Exception) -> Result:
    """The result of a file that failed: a stable code and one line.

    Codes are those of `imgfilt.io`'s errors; `filter` where the filter refused the picture, `memory`, and
    `unexpected` for what should not happen.

    >>> failure("a.jpg", "sobel", NotReadableError("'a.jpg' does not exist")).code
    'not-readable'
    """
    expected = isinstance(error, ValueError | TypeError)
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        code, text = "memory", "not enough memory"
    elif expected:
        code = getattr(error, "code", "filter")
    else:
        code = "unexpected"
        text = f"unexpected {type(error).__name__}: {text or 'no message'} (IMGFILT_DEBUG=1 shows where)"
    return Result(path, "", label, "error", code=code, error=text)
