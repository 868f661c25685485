"""What became of a file, and the sum of all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Status = Literal["ok", "error", "skipped", "planned"]


class Result(NamedTuple):
    """One file's record.

    input, output  paths, or "-"; no output where none was written
    filter         the label of what was done
    shape, dtype   of the first frame of the result
    frames         how many frames or pages the result has
    pixels         of all frames of the input
    decode, filtering, encode  seconds
    bytes_in, bytes_out  sizes of the files
    code, error    a stable code and a message of one line, where it failed
    seen           what `Work.look` made of the pictures before and after
    """

    input: str
    output: str
    filter: str
    status: Status
    shape: tuple[int, ...] = ()
    dtype: str = ""
    frames: int = 1
    pixels: int = 0
    decode: float = 0.0
    filtering: float = 0.0
    encode: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    notes: tuple[str, ...] = ()
    code: str = ""
    error: str = ""
    seen: Any = None

    @property
    def seconds(self) -> float:
        return self.decode + self.filtering + self.encode

    def record(self) -> Mapping[str, Any]:
        """As plain data for JSON."""
        start = {"input": self.input, "status": self.status, "filter": self.filter}
        if self.status == "error":
            return {**start, "code": self.code, "error": self.error}
        if self.status != "ok":
            return {**start, "output": self.output}
        return {
            **start,
            "output": self.output,
            "width": self.shape[1],
            "height": self.shape[0],
            "channels": self.shape[2] if len(self.shape) > 2 else 1,
            "dtype": self.dtype,
            "frames": self.frames,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "decode_ms": _ms(self.decode),
            "filter_ms": _ms(self.filtering),
            "encode_ms": _ms(self.encode),
            "ms": _ms(self.seconds),
            "notes": list(self.notes),
        }


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)


class Tally:
    """The sum of a batch's results, of which so many are expected."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.counts = {"ok": 0, "error": 0, "skipped": 0, "planned": 0}
        self.pixels = 0
        self.decode = self.filtering = self.encode = 0.0

    def add(self, result: Result) -> None:
        self.counts[result.status] += 1
        if result.status == "ok":
            self.pixels += result.pixels
            self.decode += result.decode
            self.filtering += result.filtering
            self.encode += result.encode

    @property
    def failed(self) -> int:
        return self.counts["error"]

    @property
    def finished(self) -> int:
        return sum(self.counts.values())

    def summary(self, seconds: float) -> str:
        """One line: counts, megapixels a second, and what the time went into.

        >>> tally = Tally(2)
        >>> tally.add(Result("a.jpg", "b.jpg", "sobel", "ok", pixels=3_000_000, decode=0.02))
        >>> tally.add(Result("c.jpg", "", "sobel", "error", code="damaged"))
        >>> tally.summary(0.5)
        '1 of 2 files done, 1 failed; 3.0 megapixels in 0.5 s (6.0 MP/s); decode 100 %, filter 0 %, encode 0 %'
        """
        words = [f"{self.counts['ok']} of {self.expected} files done"]
        for status, word in (("skipped", "done before"), ("error", "failed")):
            if self.counts[status]:
                words.append(f"{self.counts[status]} {word}")
        if self.finished < self.expected:
            words.append(f"{self.expected - self.finished} not begun or not finished")
        text = ", ".join(words)
        if not self.pixels:
            return text
        million = self.pixels / 1e6
        whole = (self.decode + self.filtering + self.encode) or 1.0
        shares = ", ".join(
            f"{name} {part / whole * 100:.0f} %"
            for name, part in (("decode", self.decode), ("filter", self.filtering), ("encode", self.encode))
        )
        rate = million / max(seconds, 1e-9)
        return f"{text}; {million:.1f} megapixels in {seconds:.1f} s ({rate:.1f} MP/s); {shares}"
