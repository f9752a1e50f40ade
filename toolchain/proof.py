"""Checks that the installed packages are the locked ones and are compatible."""

import base64
import csv
import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

from toolchain.packages import INSTALLED_LAST


def what_is_wrong(*, uv: Path, python: Path, environment: Mapping[str, str]) -> str | None:
    """Return one line about what is wrong with the packages of `python`, or None."""
    return _overwritten_file(_site_packages(python)) or _conflict(uv, python, environment)


def _site_packages(python: Path) -> Path:
    found = [*(python.parent.parent / "lib").glob("python3*/site-packages")]
    return found[0]


def _overwritten_file(site_packages: Path) -> str | None:
    """Return the first file of INSTALLED_LAST that another package has overwritten."""
    own: dict[str, str] = {}
    others: set[str] = set()
    for record in site_packages.glob("*.dist-info/RECORD"):
        with record.open(newline="") as lines:
            hashes = {row[0]: row[1] for row in csv.reader(lines) if row[1]}
        name = record.parent.name.partition("-")[0].replace("_", "-")
        if name == INSTALLED_LAST:
            own = hashes
        else:
            others |= hashes.keys()
    for file in sorted(own.keys() & others):
        digest = hashlib.sha256((site_packages / file).read_bytes()).digest()
        encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if own[file] != f"sha256={encoded}":
            return f"{file} is not that of {INSTALLED_LAST}: another package overwrote it"
    return None


def _conflict(uv: Path, python: Path, environment: Mapping[str, str]) -> str | None:
    done = subprocess.run(
        [str(uv), "pip", "check", "--python", str(python)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return f"the packages are not compatible: {said[-1] if said else 'uv pip check failed'}"
