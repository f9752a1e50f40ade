"""Installs exactly the packages of a lock file, even if newer releases exist.

Dependencies are never resolved: the lock file holds every package, and pip before 24 would look for
a newer release than the locked one (pypa/pip#12345).
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from toolchain.report import run

# It and aws-cdk.cloud-assembly-schema both hold aws_cdk/cloud_assembly_schema/__init__.py with
# different contents (aws/aws-cdk#38482). Ours must be installed after all others.
INSTALLED_LAST = "aws-cdk-lib"


def install_uv(python: Path, lock: Path) -> None:
    """Install uv with the pip of the virtual environment of `python`, of any version."""
    run(
        "install uv",
        [
            python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
            "--no-user", "--no-deps", "--only-binary=:all:", "--require-hashes",
            "--requirement", lock,
        ],
        folder=lock.parent,
    )  # fmt: skip


def install_packages(
    what: str,
    lock: Path,
    *,
    uv: Path,
    python: Path,
    environment: Mapping[str, str],
    target: Path | None = None,
) -> None:
    """Install `lock` for `python`, or into the folder `target`. `what` names it in an error.

    `environment` holds uv's settings.
    """
    command = [
        uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:",
        "--python", python, *(("--target", target) if target else ()),
    ]  # fmt: skip
    for part in _in_order(lock.read_text()):
        with tempfile.NamedTemporaryFile("w", prefix="locked-", suffix=".txt") as file:
            file.write(part)
            file.flush()
            run(
                what,
                [*command, "--requirement", file.name],
                folder=lock.parent,
                environment=environment,
            )


def _in_order(lock: str) -> Iterator[str]:
    """Yield the lock's text without INSTALLED_LAST, then INSTALLED_LAST alone."""
    last: list[str] = []
    others: list[str] = []
    is_last = False
    for line in lock.splitlines(keepends=True):
        if not line.startswith((" ", "#")):  # not a hash of the package above
            is_last = line.partition("==")[0].strip() == INSTALLED_LAST
        (last if is_last else others).append(line)
    yield "".join(others)
    if last:
        yield "".join(last)
