"""An empty virtual environment, an index in a folder, and uv told to use nothing else."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.toolchain.package_index import PackageIndex
from toolchain.pip_settings import uv_environment

UV = Path(sys.prefix) / "bin" / "uv"


@pytest.fixture(scope="session")
def empty_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the pip that comes with this Python, however old that is."""
    venv = tmp_path_factory.mktemp("environment with space") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    return venv


@pytest.fixture
def python(empty_environment: Path, tmp_path: Path) -> Path:
    """The Python of a virtual environment of the test's own."""
    venv = tmp_path / "own venv"
    shutil.copytree(empty_environment, venv, symlinks=True)
    return venv / "bin" / "python"


@pytest.fixture
def index(tmp_path: Path) -> PackageIndex:
    return PackageIndex(folder=tmp_path / "index")


@pytest.fixture
def users_settings(
    index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """A user who told pip, and only pip, of the one index there is."""
    for name in [*os.environ]:
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    file = tmp_path / "pip.conf"
    file.write_text(f"[global]\nindex-url = {index.url}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    return uv_environment(Path(sys.executable), os.environ)
