"""`python -m toolchain.locks` (`make lock`): writes the lock files from the *.in files.

Pins that still satisfy the *.in files stay; UPGRADE=yes takes the newest versions.
"""

import os
import sys
import tomllib
from pathlib import Path

from toolchain.base_image import lock_base_image
from toolchain.pip_settings import lock_environment
from toolchain.report import run, say
from toolchain.setup import ROOT, with_tools_first

# Dependencies of checkov that we have in another version, or that only its other scanners use.
_CHECKOV_WITHOUT = (
    "beartype", "boto3", "botocore", "cyclonedx-python-lib", "networkx", "numpy", "py-serializable",
    "rdflib", "s3transfer", "setuptools", "spdx-tools",
)  # fmt: skip
# The same versions as in the project's own lock: this lock is deployed, that one is tested.
_ROOMS = ("app_service", "lambda_src")


def main() -> None:
    compile_lock(Path("toolchain/requirements.in"))
    compile_lock(Path("requirements.in"))
    for room in _ROOMS:
        compile_lock(Path(room, "requirements.in"), "--constraints", "requirements.txt")
    without = [word for name in _CHECKOV_WITHOUT for word in ("--no-emit-package", name)]
    compile_lock(Path("requirements-checkov.in"), *without)
    say("package-lock.json")
    run(
        "lock the Node tools",
        ["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"],
        folder=ROOT,
        environment=with_tools_first(ROOT),
    )
    lock_base_image()


def compile_lock(source: Path, *options: str) -> None:
    """Write the lock file beside `source`: for every platform, exact pins, a hash for each file."""
    lock = source.with_suffix(".txt")
    say(str(lock))
    run(
        f"lock {source}",
        [
            ROOT / ".venv" / "bin" / "uv", "pip", "compile", "--quiet", "--universal",
            "--python-version", oldest_python(), "--generate-hashes",
            "--no-header", "--no-annotate",
            *(["--upgrade"] if os.environ.get("UPGRADE") == "yes" else []),
            *options, "--output-file", lock, source,
        ],
        folder=ROOT,
        environment=lock_environment(Path(sys.executable), os.environ),
    )  # fmt: skip


def oldest_python() -> str:
    """The oldest Python that a developer's machine may have (pyproject.toml, `requires-python`)."""
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    return str(required).removeprefix(">=")


if __name__ == "__main__":
    main()
