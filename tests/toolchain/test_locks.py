"""Every file names the same oldest Python for a developer's machine."""

import re
import tomllib

from toolchain.locks import oldest_python
from toolchain.setup import ROOT

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_requires_python_names_a_release_and_everything_newer() -> None:
    assert re.fullmatch(r">=3\.\d+", SETTINGS["project"]["requires-python"])


def test_code_is_checked_for_the_oldest_python() -> None:
    assert SETTINGS["tool"]["mypy"]["python_version"] == oldest_python()
    assert SETTINGS["tool"]["ruff"]["target-version"] == "py" + oldest_python().replace(".", "")


def test_the_readme_asks_for_the_oldest_python() -> None:
    assert f"Python {oldest_python()} or newer" in (ROOT / "README.md").read_text()


def test_make_setup_asks_for_the_oldest_python() -> None:
    makefile = (ROOT / "Makefile").read_text()
    compared = re.findall(r"version_info < \((\d+), (\d+)\)", makefile)
    named = re.findall(r"\b3\.\d+\b", makefile)

    assert [".".join(numbers) for numbers in compared] == [oldest_python()]
    assert named
    assert set(named) == {oldest_python()}
