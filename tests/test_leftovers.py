"""Files that a run of tests leaves in the temporary folder."""

import os
import subprocess
import sys
from pathlib import Path

from tests.infra.context import REPOSITORY

TESTS = """
def test_passes(tmp_path): (tmp_path / "kept").touch()
def test_fails(tmp_path): (tmp_path / "kept").touch(); assert {value}
"""


def run_tests(folder: Path, *options: str, fails: bool) -> list[str]:
    """The names of the tests whose folders still exist."""
    temporary, file = folder / "temporary", folder / "test_example.py"
    temporary.mkdir()
    file.write_text(TESTS.format(value=not fails))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options),
            *("-c", str(REPOSITORY / "pyproject.toml"), "--rootdir", str(folder), str(file)),
        ],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == int(fails), done.stdout + done.stderr
    return sorted(path.parent.name for path in temporary.rglob("kept") if path.is_file())


def test_tests_that_pass_leave_nothing(tmp_path: Path) -> None:
    assert run_tests(tmp_path, "-n", "1", fails=False) == []


def test_the_files_of_a_failed_test_are_kept(tmp_path: Path) -> None:
    assert set(run_tests(tmp_path, fails=True)) == {"test_fails0"}
