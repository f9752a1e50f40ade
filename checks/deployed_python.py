"""`make check-deployed-python`: runs the tests of deployed code on the deployed Python version.

Where that Python is not installed, it prints a line and succeeds: any Python from 3.11 on is enough
for development, and the builds of the pipeline run on the deployed one.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from infra.errors import ConfigurationError
from infra.python_version import FILE, deployed_python
from toolchain.exchange import remove
from toolchain.packages import install_packages
from toolchain.pip_settings import uv_environment
from toolchain.report import run
from toolchain.setup import PYTHON_LOCK, ROOT, toolchain_key

TESTS: Final = (
    "tests/app_service", "tests/branch_hub/functions", "tests/branch_hub/git_hosts",
    "tests/lambda_src",
)  # fmt: skip


def main(version_file: Path = FILE) -> int:
    try:
        version = deployed_python(version_file)
    except ConfigurationError as error:
        print(f"deployed Python: {error}", file=sys.stderr)
        return 1
    here = platform.python_version()
    if here.startswith(f"{version}."):
        print(f"deployed Python: the checks already run on it, this is {here}")
        return 0
    program = installed(f"python{version}")
    if program is None:
        print(f"deployed Python: no python{version} on PATH, so the checks ran on {here} alone")
        return 0
    folder = ROOT / ".cache" / f"deployed-{version}-{toolchain_key()}"
    for old in folder.parent.glob("deployed-*"):
        if old != folder:
            remove(old)  # of another lock or another Python
    python = environment_of(program, folder=folder, lock=ROOT / PYTHON_LOCK)
    print(f"deployed Python: {', '.join(TESTS)} on {program}", flush=True)
    workers = os.environ.get("WORKERS") or "auto"
    return subprocess.run(
        [
            str(python), "-m", "pytest", "-p", "no:cacheprovider", "-n", workers,
            "--dist", "loadgroup", *TESTS,
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": os.pathsep.join([str(python.parent), os.environ["PATH"]])},
        check=False,
    ).returncode  # fmt: skip


def installed(name: str) -> str | None:
    """The path of the program `name`, if it exists and starts."""
    program = shutil.which(name)
    if program is None:
        return None
    # pyenv has a program on PATH for every Python; only the chosen ones start.
    tried = subprocess.run([program, "-c", ""], capture_output=True, check=False)
    return program if tried.returncode == 0 else None


def environment_of(program: str, *, folder: Path, lock: Path) -> Path:
    """The Python of an environment in `folder` with the packages of `lock`, created if needed."""
    python, ready = folder / "bin" / "python", folder / "ready"
    if ready.exists() and installed(str(python)):
        return python
    remove(folder)
    uv = ROOT / ".venv" / "bin" / "uv"
    environment = {
        **uv_environment(Path(sys.executable), os.environ),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    run(
        f"create an environment of {program}",
        [uv, "venv", "--quiet", "--no-project", "--python", program, folder],
        folder=ROOT,
        environment=environment,
    )
    install_packages(
        f"install the Python packages for {program}",
        lock,
        uv=uv,
        python=python,
        environment=environment,
    )
    ready.touch()
    return python


if __name__ == "__main__":
    sys.exit(main())
