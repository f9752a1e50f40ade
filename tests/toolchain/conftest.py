"""Empty virtual environments, and an index in a folder as the only one that pip uses."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.toolchain.package_index import PackageIndex
from toolchain.pip_settings import uv_environment

UV = Path(sys.prefix) / "bin" / "uv"


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The Python of an empty virtual environment, without pip."""
    return make_environment(tmp_path / "own venv", "--without-pip")


@pytest.fixture
def python_with_pip(tmp_path: Path) -> Path:
    """With the pip that comes with this Python, however old that is."""
    return make_environment(tmp_path / "own venv")


def make_environment(venv: Path, *options: str) -> Path:
    subprocess.run([sys.executable, "-m", "venv", *options, str(venv)], check=True)
    return venv / "bin" / "python"


@pytest.fixture
def index(tmp_path: Path) -> PackageIndex:
    return PackageIndex(folder=tmp_path / "index")


@pytest.fixture
def users_settings(
    index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """A user who has set the index for pip, and only for pip."""
    for name in [*os.environ]:
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    file = tmp_path / "pip.conf"
    file.write_text(f"[global]\nindex-url = {index.url}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    for option in ("EXTRA_INDEX_URL", "FIND_LINKS", "CONSTRAINT"):  # this machine's own settings
        monkeypatch.setenv(f"PIP_{option}", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    return uv_environment(Path(sys.executable), os.environ)
