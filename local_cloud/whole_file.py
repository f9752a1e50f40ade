"""Writes a file so that a reader sees its old or its new text, never a part of one."""

import uuid
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Replace the content of `file` in one step. Several processes may write it at the same time.

    Raises FileNotFoundError when the folder is missing.
    """
    unfinished = file.with_name(f".{file.name}-{uuid.uuid4().hex}")
    try:
        unfinished.write_text(text)
        unfinished.replace(file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
