"""Output that is seen when it is said, also through a pipe: git's, a log's, CI's."""

import io
from typing import TextIO


def line_by_line(stream: TextIO) -> None:
    """Hand every line on at once."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(line_buffering=True)
