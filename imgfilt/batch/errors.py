"""What ends a batch before it begins, and what a file of it can suffer besides `imgfilt.io`'s errors."""

from __future__ import annotations

from imgfilt.io import ImageFileError


class WrongUsageError(ValueError):
    """What was asked for cannot be done, whatever the files hold. Nothing has been run."""


class SymlinkLoopError(ImageFileError):
    """A link leads back to where it is, or to a folder around it."""

    code = "symlink-loop"


class StoppedError(Exception):
    """The batch was ended before this file was done; nothing of it was written."""
