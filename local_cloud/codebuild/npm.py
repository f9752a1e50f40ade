"""The `npm` of a build: links a package of `npm install -g package@version` if it is there.

Run as a file without the project's packages (`install_npm` in environment.py writes the command).
Everything else is passed to the real npm.
"""

import fcntl
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

_EXACT = re.compile(r"((?:@[^@/]+/)?[^@/]+)@(\d+\.\d+\.\d+\S*)")


def main(own_folder: str, toolchain: str, arguments: Sequence[str]) -> int:
    prefix = os.environ.get("NPM_CONFIG_PREFIX")
    wanted = _wanted(arguments)
    if prefix and wanted and all(_provide(Path(prefix), toolchain, *w) for w in wanted):
        print("up to date: " + ", ".join(f"{name}@{version}" for name, version in wanted))
        return 0
    folders = os.environ.get("PATH", "").split(os.pathsep)
    path = os.pathsep.join(f for f in folders if Path(f) != Path(own_folder))
    real = shutil.which("npm", path=path)
    if real is None:
        print("npm: not found on PATH", file=sys.stderr)
        return 127
    return os.execv(real, [real, *arguments])


def _wanted(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Names and exact versions of a plain global install; empty for any other command line."""
    if not arguments or arguments[0] not in {"install", "i"}:
        return []
    rest = [word for word in arguments[1:] if word not in {"-g", "--global"}]
    matches = [_EXACT.fullmatch(word) for word in rest]
    if len(rest) == len(arguments) - 1 or not all(matches):
        return []
    return [(match[1], match[2]) for match in matches if match]


def _provide(prefix: Path, toolchain: str, name: str, version: str) -> bool:
    """True if the package is in `prefix`, or can be linked there from the toolchain."""
    installed = prefix / "lib" / "node_modules" / name
    if _version(installed) == version:
        return True
    source = Path(toolchain) / "node_modules" / name
    if not toolchain or _version(source) != version:
        return False
    installed.parent.mkdir(parents=True, exist_ok=True)
    with (prefix / ".link.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed.is_dir() and not installed.is_symlink():
            return False  # another version was installed: npm must replace it
        _link(source, installed)
        for command, file in _commands(source, name).items():
            _link(installed / file, prefix / "bin" / command)
    return True


def _version(package: Path) -> str | None:
    try:
        return str(json.loads((package / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return None


def _commands(package: Path, name: str) -> dict[str, str]:
    commands = json.loads((package / "package.json").read_text()).get("bin", {})
    return {name.rpartition("/")[2]: commands} if isinstance(commands, str) else dict(commands)


def _link(target: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    unfinished = link.with_name(f".{link.name}-{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target)
    unfinished.replace(link)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
