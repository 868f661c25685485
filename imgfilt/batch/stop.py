"""Ending early: no file is begun any more, and what is half written disappears."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from threading import Lock

from imgfilt.batch.errors import StoppedError
from imgfilt.io.output import Output, atomic


class Stop:
    """Asked by the threads that write, set by the one that was interrupted."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._unfinished: set[str] = set()
        self._asked = False

    @property
    def asked(self) -> bool:
        return self._asked

    def ask(self) -> None:
        """No job begins, and none begins to write, after this."""
        with self._lock:
            self._asked = True

    def check(self) -> None:
        if self._asked:
            raise StoppedError

    @contextlib.contextmanager
    def writing(self, target: str) -> Iterator[Output]:
        """`atomic(target)`, known to `abandon` for as long as it is unfinished."""
        name = ""
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: self._unfinished.discard(name))
            with self._lock:
                self.check()
                file = stack.enter_context(atomic(target))
                if file.name != target:
                    name = str(file.name)
                    self._unfinished.add(name)
            yield file
            self.check()

    def abandon(self) -> None:
        """Asks to stop and removes what is half written; its writers fail, and nobody waits for them.

        For a process that ends right afterwards.
        """
        self.ask()
        for name in list(self._unfinished):
            with contextlib.suppress(OSError):
                os.unlink(name)
