"""Which files of a build context a .dockerignore leaves out."""

import re
from collections.abc import Callable
from pathlib import Path

Excludes = Callable[[str], bool]


def read_ignore(context: Path, dockerfile: Path) -> Excludes:
    """A test for paths relative to `context`; `<Dockerfile>.dockerignore` goes before the other."""
    for file in (
        dockerfile.with_name(dockerfile.name + ".dockerignore"),
        context / ".dockerignore",
    ):
        if file.is_file():
            return compile_ignore(file.read_text())
    return compile_ignore("")


def compile_ignore(text: str) -> Excludes:
    """Later lines win; `!` takes a path back in; a pattern holds for everything below it."""
    rules: list[tuple[re.Pattern[str], bool]] = []
    for raw in text.splitlines():
        line = raw.strip()
        if not line or raw.startswith("#"):
            continue
        takes_back = line.startswith("!")
        pattern = line.removeprefix("!").strip().strip("/").removeprefix("./")
        rules.append((re.compile(_regex(pattern) + r"(?:/.*)?"), not takes_back))

    def excludes(path: str) -> bool:
        verdict = False
        for pattern, excluded in rules:
            if pattern.fullmatch(path):
                verdict = excluded
        return verdict

    return excludes


def _regex(pattern: str) -> str:
    result, index = "", 0
    while index < len(pattern):
        if pattern.startswith("**/", index):
            result, index = result + "(?:.*/)?", index + 3
        elif pattern.startswith("**", index):
            result, index = result + ".*", index + 2
        elif pattern[index] == "*":
            result, index = result + "[^/]*", index + 1
        elif pattern[index] == "?":
            result, index = result + "[^/]", index + 1
        elif pattern[index] == "[" and (end := pattern.find("]", index)) > 0:
            result, index = result + pattern[index : end + 1], end + 1
        else:
            result, index = result + re.escape(pattern[index]), index + 1
    return result
