"""Line-buffered output, also when it is piped."""

import io
from typing import TextIO


def line_by_line(stream: TextIO) -> None:
    """Write every line when it is complete."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(line_buffering=True)
