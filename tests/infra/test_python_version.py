"""`.python-version` decides which Python is deployed; a wrong value fails the synth."""

from pathlib import Path

import pytest

from infra.errors import ConfigurationError
from infra.python_version import FILE, deployed_python, lambda_runtime


def version_file(folder: Path, content: str) -> Path:
    file = folder / ".python-version"
    file.write_text(content)
    return file


def test_the_version_is_read_from_the_file(tmp_path: Path) -> None:
    assert deployed_python(version_file(tmp_path, "3.13\n")) == "3.13"


def test_the_file_is_the_one_that_pyenv_and_uv_read() -> None:
    assert Path(__file__).resolve().parents[2] / ".python-version" == FILE


@pytest.mark.parametrize("content", ["", "3", "3.13.2", "python3.13", "3.13\n3.12", "2.7"])
def test_anything_but_one_release_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\.python-version holds '.*': it must be one"):
        deployed_python(version_file(tmp_path, content))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\.python-version cannot be read"):
        deployed_python(tmp_path / ".python-version")


def test_a_release_is_the_runtime_of_that_name() -> None:
    assert lambda_runtime("3.13").name == "python3.13"


def test_a_release_without_a_runtime_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(ConfigurationError, match=r"no Lambda runtime python3\.99: .*python3\.13"):
        lambda_runtime("3.99")
