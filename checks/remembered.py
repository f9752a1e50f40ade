"""Caches the output of scanners: most pushes change no template.

They are kept in `.cache/`, or in the folder CHECKS_CACHE, which checkouts can share.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
# Hashes of assets: they change with every push, and no rule depends on their value.
_HASH: Final = re.compile(rb"[0-9a-f]{12,}")


def remembered(
    scanner: str,
    *,
    files: Iterable[Path],
    scan: Callable[[], str],
    folder: Path | None = None,
) -> str:
    """Return the answer of `scan`, which is called only if the contents of `files` are new.

    `files` are all that it reads, its version and settings included.
    """
    folder = folder or Path(os.environ.get("CHECKS_CACHE", ROOT / ".cache")) / "scanners"
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(_HASH.sub(b"", file.read_bytes())).digest())
    answer = folder / f"{scanner}-{digest.hexdigest()}"
    if not answer.exists():
        text = scan()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as scratch:
            scratch.write(text)
        Path(scratch.name).rename(answer)  # another process never reads a part of it
    return answer.read_text()
