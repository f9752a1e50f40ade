"""Only `.python-version` names the deployed Python version."""

import re
import subprocess
from pathlib import Path

import pytest

from infra.python_version import deployed_python

REPOSITORY = Path(__file__).resolve().parents[1]
# Pages explain the choice; locks and results contain other versions.
CODE = re.compile(r"(.*/)?(Dockerfile|Makefile|\.ci/\w+|[^/]+\.(py|json|toml|in|sql))")
LOCKS = {"package-lock.json"}


def test_no_code_names_the_deployed_python_again() -> None:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("without git it is not known which files belong to the repository")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    number = re.escape(deployed_python()).replace(r"\.", "[._]")
    typed = re.compile(rf"(?i)python{number}|[\"']{number}[\"']|{number}-slim|PYTHON_3_\d")
    code = [
        REPOSITORY / name
        for name in listed
        if CODE.fullmatch(name) and name not in LOCKS and (REPOSITORY / name).is_file()
    ]

    assert code
    assert [
        f"{file.relative_to(REPOSITORY)}: {match[0]}"
        for file in code
        for match in typed.finditer(file.read_text(errors="replace"))
    ] == []
