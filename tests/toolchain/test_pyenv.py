"""`make setup` works if pyenv is first on PATH and lacks the Python of `.python-version`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"
# As pyenv does: the variable wins over the file; a version that is not installed is an error.
PYENV = """#!/bin/sh
[ -f .python-version ] && chosen=$(cat .python-version) || chosen=3.11.7
chosen=${PYENV_VERSION:-$chosen}
case " $INSTALLED " in *" $chosen "*) echo "$chosen" ;; *) exit 1 ;; esac
"""


def chosen_in(
    checkout: Path, *, installed: str = "", with_pyenv: bool = True, **environment: str
) -> str:
    """The PYENV_VERSION that `make setup` sets, by which pyenv chooses `python3`."""
    programs = checkout.parent / "programs"
    for folder in (programs, checkout / "toolchain"):
        folder.mkdir(parents=True)
    shutil.copy(MAKEFILE, checkout)
    (checkout / ".python-version").write_text("3.99\n")
    program = "import os; print('<' + os.environ.get('PYENV_VERSION', '') + '>')"
    (checkout / "toolchain/__main__.py").write_text(program)
    if with_pyenv:
        (programs / "pyenv").write_text(PYENV)
        (programs / "pyenv").chmod(0o755)
    kept = {n: v for n, v in os.environ.items() if n != "PYENV_VERSION" and "MAKE" not in n}
    done = subprocess.run(
        ["make", "--silent", "setup"],
        cwd=checkout,
        env={
            **kept,
            "PATH": os.pathsep.join([str(programs), without_pyenv(os.environ["PATH"])]),
            "INSTALLED": installed,
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip().strip("<>")


def without_pyenv(path: str) -> str:
    folders = path.split(os.pathsep)
    return os.pathsep.join(f for f in folders if not Path(f, "pyenv").exists())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return tmp_path / "a checkout"


def test_without_the_deployed_python_it_takes_that_of_the_parent_folder(checkout: Path) -> None:
    assert chosen_in(checkout, installed="3.11.7 3.12.1") == "3.11.7"


def test_if_pyenv_has_the_deployed_python_it_chooses_itself(checkout: Path) -> None:
    assert chosen_in(checkout, installed="3.11.7 3.99") == ""


def test_what_the_user_chose_stays(checkout: Path) -> None:
    chosen = chosen_in(checkout, installed="3.11.7 3.12.1", PYENV_VERSION="3.12.1")
    assert chosen == "3.12.1"


def test_without_pyenv_nothing_is_chosen(checkout: Path) -> None:
    assert chosen_in(checkout, with_pyenv=False) == ""
