"""The tests of deployed code run on the deployed Python if it is installed."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from checks import deployed_python
from toolchain.setup import ROOT

VERSION = "3.99"  # does not exist


@pytest.fixture
def version_file(tmp_path: Path) -> Path:
    file = tmp_path / ".python-version"
    file.write_text(f"{VERSION}\n")
    return file


def put_on_path(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder.mkdir()
    program = folder / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))
    return program


def test_if_it_is_missing_one_line_says_so_and_nothing_fails(
    version_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployed_python.main(version_file) == 0

    (line,) = capsys.readouterr().out.splitlines()
    assert f"no python{VERSION} on PATH" in line


def test_a_file_that_names_no_release_is_an_error(
    version_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version_file.write_text("3.99.1\n")

    assert deployed_python.main(version_file) == 1
    assert ".python-version holds '3.99.1': it must be one release" in capsys.readouterr().err


def test_a_program_that_does_not_start_counts_as_missing(
    version_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """pyenv's program for a Python that is not chosen here."""
    put_on_path(tmp_path / "shims", f"python{VERSION}", "exit 127", monkeypatch)

    assert deployed_python.main(version_file) == 0
    assert f"no python{VERSION} on PATH" in capsys.readouterr().out


def test_if_the_checks_run_on_it_already_nothing_runs_twice(
    version_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version_file.write_text("{}.{}\n".format(*sys.version_info[:2]))

    assert deployed_python.main(version_file) == 0
    assert "the checks already run on it" in capsys.readouterr().out


@pytest.mark.parametrize(("body", "code"), [("assert True", 0), ("assert False", 1)])
def test_if_it_is_installed_the_result_is_that_of_its_tests(
    version_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, code: int
) -> None:
    name = f"python{VERSION}"
    program = put_on_path(tmp_path / "bin", name, f'exec "{sys.executable}" "$@"', monkeypatch)
    test = tmp_path / "test_it.py"
    test.write_text(f"def test_it():\n    {body}\n")
    asked: list[str] = []

    def created(program: str, *, folder: Path, lock: Path) -> Path:
        asked.append(program)
        return Path(sys.executable)

    monkeypatch.setattr(deployed_python, "environment_of", created)
    monkeypatch.setattr(deployed_python, "TESTS", (str(test),))
    monkeypatch.setenv("WORKERS", "0")

    assert deployed_python.main(version_file) == code
    assert asked == [str(program)]


def test_its_environment_is_created_once_and_again_after_an_interruption(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("")
    folder = tmp_path / "environment"

    def make() -> Path:
        return deployed_python.environment_of(sys.executable, folder=folder, lock=lock)

    prefix = [str(make()), "-c", "import sys; print(sys.prefix)"]
    said = subprocess.run(prefix, capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(folder)

    (folder / "left").touch()
    make()
    assert (folder / "left").exists()

    (folder / "ready").unlink()
    make()
    assert not (folder / "left").exists()


def test_the_tests_of_deployed_code_run_on_it() -> None:
    """The import contract names the packages that run in the service and in functions."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [deployed] = [
        contract["source_modules"]
        for contract in contracts["contracts"]
        if contract["id"] == "deployed-code-without-cdk"
    ]

    folders = [m for m in deployed if (ROOT / m.replace(".", "/")).is_dir()]

    assert list(deployed_python.TESTS) == [f"tests/{m.replace('.', '/')}" for m in folders]
    for folder in deployed_python.TESTS:
        assert [*(ROOT / folder).rglob("test_*.py")]
