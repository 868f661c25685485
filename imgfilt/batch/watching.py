"""New files in a folder, as they come."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from time import monotonic, sleep

from imgfilt.batch.sources import Found, Selection, Source, expand

QUIET = 0.4
"""Seconds that a file must not have changed for: a copy that is still running would be cut short."""
_PATIENCE = 60.0


def new_files(folders: Sequence[str], selection: Selection) -> Iterator[list[Source]]:
    """Sources that are new or changed in `folders`, in groups, for as long as it is iterated.

    Only those that `expand` takes from the folders. A file is given when it has not changed for `QUIET` seconds.
    """
    from watchfiles import Change, watch

    roots = [os.path.realpath(folder) for folder in folders]
    for changes in watch(*folders, recursive=selection.recursive, debounce=200, step=50):
        changed = {os.path.realpath(path) for change, path in changes if change != Change.deleted}
        sources: list[Source] = []
        for folder, root in zip(folders, roots, strict=True):
            if any(path.startswith(os.path.join(root, "")) for path in changed):
                found: Found = expand([folder], selection)
                sources += [source for source in found.sources if os.path.realpath(source.path) in changed]
        if sources:
            _settle(sources)
            yield sources


def _settle(sources: Sequence[Source]) -> None:
    """Waits until none of the files has changed for a while; not for ever."""
    end = monotonic() + _PATIENCE
    before = None
    while (now := [_stamp(source.path) for source in sources]) != before and monotonic() < end:
        before = now
        sleep(QUIET)


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
