"""Reads a .dockerignore: which files a build context leaves out."""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from local_cloud.images.dockerfile import DockerfileError

Excludes = Callable[[str], bool]

# A name of the context's top folder, or `**/` and a name at any depth; both with `*`.
_PATTERN = re.compile(r"(\*\*/)?([\w.*-]+)")


def read_ignore(context: Path) -> Excludes:
    """A test for paths relative to `context`. Raises DockerfileError for an unknown pattern."""
    file = context / ".dockerignore"
    patterns = []
    for number, line in enumerate(file.read_text().splitlines() if file.exists() else [], 1):
        if line.strip() and not line.startswith("#"):
            pattern = _PATTERN.fullmatch(line.strip())
            if pattern is None:
                raise DockerfileError(
                    f".dockerignore line {number}, `{line}`: the local image builder knows `name` "
                    "and `**/name`: write it so, or extend local_cloud/images/ignore.py"
                )
            patterns.append((bool(pattern[1]), pattern[2]))

    def excludes(path: str) -> bool:
        parts = PurePosixPath(path).parts
        return any(
            fnmatchcase(part, name)
            for any_depth, name in patterns
            for part in (parts if any_depth else parts[:1])
        )

    return excludes
