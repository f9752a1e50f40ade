"""Small programs that the local cloud writes at run time and puts on someone's PATH."""

import uuid
from pathlib import Path


def write_program(file: Path, text: str) -> None:
    """Make `file` an executable with this text, whoever runs or writes it at the same time."""
    if file.exists() and file.read_text() == text:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}-{uuid.uuid4().hex}")
    unfinished.write_text(text)
    unfinished.chmod(0o755)
    unfinished.replace(file)
