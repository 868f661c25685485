"""A contact sheet: every picture of a job before and after, and the errors, in one HTML file.

The file stands alone: pictures are embedded, nothing is loaded from elsewhere, no script runs. Entries are written
as they come, so that a job of many thousand files needs no memory for them; the numbers at the top take a place
that was kept for them.
"""

from __future__ import annotations

import base64
import contextlib
import html
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import BinaryIO
from urllib.parse import quote

from imgfilt.batch.results import Result
from imgfilt.batch.sources import STREAM
from imgfilt.batch.thumbnail import Seen
from imgfilt.io.output import atomic, buffered

_SKIPPED = "done before"
_PLACE = 2048
"""Bytes kept for the numbers at the top."""


@dataclass
class Report:
    """An HTML file that is being written; entries may be added by several threads."""

    title: str
    _file: BinaryIO
    _folder: str
    _counts: Counter[str] = field(default_factory=Counter)
    _pixels: int = 0
    _start: float = field(default_factory=time.monotonic)
    _lock: Lock = field(default_factory=Lock)
    _failure: OSError | None = None

    def add(self, result: Result) -> None:
        """Writes one entry, with the pictures that `result.seen` has.

        Where the disk is full the job goes on; the report's end tells.
        """
        content = _card(result, self._folder).encode()
        with self._lock:
            if self._failure is None:
                try:
                    self._file.write(content)
                except OSError as error:
                    self._failure = error
            self._counts[result.status] += 1
            self._pixels += result.pixels

    def _begin(self) -> int:
        """Everything before the entries; where the numbers are to be written."""
        title = _text(self.title)
        head = f"{_HEAD.replace('TITLE', title)}<header><h1>{title}</h1>\n".encode()
        self._file.write(head + b" " * _PLACE + b"\n</header>\n<main>\n")
        return len(head)

    def _end(self, place: int) -> None:
        if self._failure is not None:
            raise self._failure
        self._file.write(b"</main>\n</body>\n</html>\n")
        self._file.seek(place)
        self._file.write(_numbers(self._counts, self._pixels, time.monotonic() - self._start).encode())


@contextlib.contextmanager
def opened(path: str, title: str) -> Iterator[Report]:
    """A report that becomes `path` when the block ends, be it by an interruption or an error.

    Raises `NotWritableError`.
    """
    interrupted: BaseException | None = None
    with atomic(path) as output, buffered(output) as file:
        report = Report(title, file, os.path.dirname(os.path.abspath(path)))
        place = report._begin()
        try:
            yield report
        except BaseException as error:  # what was done until then is worth a report
            interrupted = error
        report._end(place)
    if interrupted is not None:
        raise interrupted


def _numbers(counts: Counter[str], pixels: int, seconds: float) -> str:
    words = [f"<span><b>{counts['ok']}</b> done</span>"]
    if counts["skipped"]:
        words.append(f"<span><b>{counts['skipped']}</b> done before</span>")
    words.append(
        f'<span class="bad"><b>{counts["error"]}</b> failed</span>'
        if counts["error"]
        else "<span>no errors</span>"
    )
    words.append(f"<span>{pixels / 1e6:.1f} megapixels in {seconds:.1f} s</span>")
    text = f'<p class="numbers">{"".join(words)}</p>'
    if counts["error"] and counts["ok"] + counts["skipped"]:
        text += '<label><input type="checkbox" id="only"> errors only</label>'
    return text


def _card(result: Result, folder: str) -> str:
    name = _text(result.input)
    parts = [f'<article class="{_text(result.status)}">']
    if isinstance(result.seen, Seen):
        parts.append('<div class="pair">')
        parts += [_image(result.seen.before, f"{name}, before"), _image(result.seen.after, f"{name}, after")]
        parts.append("</div>")
    linked = result.output and result.output != STREAM
    target = f'<a href="{_link(result.output, folder)}">{name}</a>' if linked else name
    parts.append(f'<h2 title="{name}">{target}</h2>')
    if facts := _facts(result):
        parts.append(f"<p>{' · '.join(facts)}</p>")
    if result.status == "error":
        parts.append(f'<p class="error"><code>{_text(result.code)}</code> {_text(result.error)}</p>')
    parts += [f'<p class="note">{_text(note)}</p>' for note in result.notes]
    return "".join(parts) + "</article>\n"


def _facts(result: Result) -> list[str]:
    if result.status == "error":
        return []
    if result.status != "ok":
        return [_SKIPPED]
    facts = ["×".join(str(n) for n in (result.shape[1], result.shape[0], *result.shape[2:])), result.dtype]
    if result.frames > 1:
        facts.append(f"{result.frames} frames")
    return [*facts, f"{result.seconds * 1e3:.0f} ms"]


def _image(thumbnail: tuple[str, bytes], alternative: str) -> str:
    kind, content = thumbnail
    data = base64.b64encode(content).decode("ascii")
    return f'<img loading="lazy" decoding="async" alt="{alternative}" src="data:{kind};base64,{data}">'


def _link(path: str, folder: str) -> str:
    try:
        relative = os.path.relpath(os.path.abspath(path), folder)
    except ValueError:  # another drive
        relative = os.path.abspath(path)
    return html.escape(quote(os.fsencode(relative.replace(os.sep, "/"))))


def _text(text: str) -> str:
    """Text that a file's name, or an error about it, may hold: control characters and stray bytes shown."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return html.escape(shown)


_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>TITLE</title>
<style>
:root {
  color-scheme: light dark;
  --page: #f6f6f4; --card: #fff; --ink: #1d1d1b; --faint: #686864; --line: #deded8; --bad: #b3261e; --back: #ecece7;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #161614; --card: #21211f; --ink: #ecece6; --faint: #a2a29b; --line: #3a3a36; --bad: #ff8a80;
    --back: #2c2c29;
  }
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--page); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
header { padding: 28px 28px 18px; border-bottom: 1px solid var(--line); }
h1 { font-size: 22px; font-weight: 650; overflow-wrap: anywhere; }
.numbers { display: flex; flex-wrap: wrap; gap: 4px 22px; margin-top: 6px; color: var(--faint); }
.numbers b { color: var(--ink); }
.numbers .bad, .numbers .bad b { color: var(--bad); }
label { display: inline-block; margin-top: 8px; cursor: pointer; }
main {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(340px, 100%), 1fr)); gap: 16px; padding: 24px 28px;
}
article {
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px; overflow: hidden;
  content-visibility: auto; contain-intrinsic-size: auto 230px;
}
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 6px; margin-bottom: 8px; }
img { width: 100%; aspect-ratio: 4 / 3; object-fit: contain; background: var(--back); border-radius: 4px; }
h2 { font-size: 14px; font-weight: 600; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
a { color: inherit; text-decoration-color: var(--faint); text-underline-offset: 2px; }
p { color: var(--faint); font-size: 13px; overflow-wrap: anywhere; }
article.error { border-left: 4px solid var(--bad); order: -1; grid-column: 1 / -1; content-visibility: visible; }
.error h2 { white-space: normal; overflow-wrap: anywhere; }
p.error { color: var(--ink); margin-top: 4px; }
code { color: var(--bad); font: 600 12px/1.4 ui-monospace, monospace; }
body:has(#only:checked) article:not(.error) { display: none; }
@media print { main { display: block; } article { break-inside: avoid; margin-bottom: 12px; } }
</style>
</head>
<body>
"""
