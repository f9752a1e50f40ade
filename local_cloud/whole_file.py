"""Replaces a file in one step: a reader sees the old text or the new text, never a part of one."""

import contextlib
import uuid
from pathlib import Path


def write_whole(file: Path, text: str, *, executable: bool = False, private: bool = False) -> None:
    """Replace the content of `file`, unless it is `text` already. Safe between processes.

    `private`: at no moment may another user read it.
    Raises FileNotFoundError when the folder is missing.
    """
    with contextlib.suppress(FileNotFoundError):
        if file.read_text() == text:
            return
    unfinished = file.with_name(f".{file.name}-{uuid.uuid4().hex}")
    try:
        if private:
            unfinished.touch(mode=0o600)
        unfinished.write_text(text)
        if executable:
            unfinished.chmod(0o755)
        unfinished.replace(file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
