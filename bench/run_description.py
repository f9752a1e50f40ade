"""What every page of results says about its run: commit, day, machine and load."""

import datetime as dt
import os
import platform
import subprocess

import psutil

from local_cloud.paths import ROOT


def described(command: str) -> str:
    """For example: `make bench` at commit 4a35a33 on 2026-11-26: 2 cores, ..."""
    return (
        f"`{command}` at commit {commit()} on {dt.date.today().isoformat()}: {machine()}, "
        f"Python {platform.python_version()}"
    )


def as_plain_text(command: str) -> str:
    """The same without Markdown, as a picture says it."""
    return described(command).replace("`", "")


def commit() -> str:
    """The current one; says if files have other contents, apart from results of earlier runs."""
    files = ("--", ".", ":!bench/results")
    changed = _git("status", "--porcelain", "--untracked-files=no", *files) and " with changes"
    return _git("rev-parse", "--short=12", "HEAD") + changed


def machine() -> str:
    """Call it at the end of the run."""
    memory_gib = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"load average at the end {os.getloadavg()[1]:.1f} over five minutes"
    )


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
