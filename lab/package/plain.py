"""Files of a package, opened as what they must be: regular files, in their place.

Design choices:
- what was opened is what is looked at: between a look at a name and its opening, another file may
  come to have it;
- no link is followed and no pipe is waited for. A second name for one file (a hard link) cannot be
  told from the first, and does no harm: what counts is the content.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class NotPlainError(OSError):
    """A link, a pipe, a device, a folder."""

    def __str__(self) -> str:
        return "not a regular file (links are not followed)"


class TooLargeError(ValueError):
    """A file that may not have so many bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"it has {size} bytes")
        self.size = size


@contextmanager
def plain_file(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """A file and its size in bytes.

    An OSError where there is none, `NotPlainError` where anything else stands in its place.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a socket
            raise NotPlainError from None
        raise
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise NotPlainError
    with os.fdopen(handle, "rb") as file:
        yield file, found.st_size


def read_plain(path: Path, *, limit: int) -> bytes:
    """All of a file; one that has more than `limit` bytes is a `TooLargeError`, unread."""
    with plain_file(path) as (file, size):
        content = b"" if size > limit else file.read(limit + 1)
        size = max(size, len(content))  # it may grow while it is read
    if size > limit:
        raise TooLargeError(size)
    return content


def hash_plain(path: Path, *, size: int) -> str:
    """The SHA-256 of a file's first `size` bytes and of one more, should there be one."""
    content = hashlib.sha256()
    with plain_file(path) as (file, _):
        left = size + 1
        while block := file.read(min(left, 2**20)):
            content.update(block)
            left -= len(block)
    return content.hexdigest()
