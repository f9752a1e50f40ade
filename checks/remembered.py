"""What a scanner said about the same files before: most pushes change no template.

Kept in `.cache/`, or where CHECKS_CACHE says: checkouts that share it share the answers.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
# Hashes of what is deployed: they change with every push, and no rule is about their value.
_HASH: Final = re.compile(rb"[0-9a-f]{12,}")


def remembered(
    scanner: str,
    *,
    files: Iterable[Path],
    scan: Callable[[], str],
    folder: Path | None = None,
) -> str:
    """Return what `scan` says. It is asked again only when the contents of `files` are new.

    `files` are what it reads, its own version and settings included.
    """
    folder = folder or Path(os.environ.get("CHECKS_CACHE", ROOT / ".cache")) / "scanners"
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(_HASH.sub(b"", file.read_bytes())).digest())
    answer = folder / f"{scanner}-{digest.hexdigest()}"
    if not answer.exists():
        said = scan()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as scratch:
            scratch.write(said)
        Path(scratch.name).rename(answer)  # whole or not at all, also for those who run beside us
    return answer.read_text()
