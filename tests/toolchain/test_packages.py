"""B9: the lock is installed, whatever was published since it was written."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.toolchain.conftest import UV
from tests.toolchain.package_index import PackageIndex
from toolchain.packages import INSTALLED_LAST, install_packages, install_uv
from toolchain.proof import what_is_wrong

SHARED_FILE = "aws_cdk/cloud_assembly_schema/__init__.py"
SCHEMA = "aws-cdk.cloud-assembly-schema"


def installed(python: Path) -> set[str]:
    """The packages of `python`, as `name==version`, without pip and setuptools."""
    folders = (python.parent.parent / "lib").glob("python3*/site-packages/*.dist-info")
    found = {folder.name.removesuffix(".dist-info").replace("-", "==") for folder in folders}
    return {release for release in found if not release.startswith(("pip==", "setuptools=="))}


@pytest.fixture
def lock(index: PackageIndex, tmp_path: Path) -> Path:
    """Written when 1.0 was the newest release of everything; now there are newer ones.

    `plugin` asks for an extra of `measure`, as pytest-cov asks for coverage[toml].
    """
    index.publish("plugin", "1.0", requires=["measure[toml]>=1.0", "helper"])
    index.publish("measure", "1.0", requires=['parser; extra == "toml"'], extras=["toml"])
    index.publish("helper", "1.0")
    index.publish("parser", "1.0")
    locked = ("plugin==1.0", "measure==1.0", "helper==1.0", "parser==1.0")
    file = index.lock(tmp_path / "requirements.txt", *locked)
    for name in ("plugin", "helper", "parser"):
        index.publish(name, "2.0")
    index.publish("measure", "2.0", requires=['parser; extra == "toml"'], extras=["toml"])
    return file


def test_b9_newer_releases_on_the_index_change_nothing(
    lock: Path, python: Path, users_settings: Mapping[str, str]
) -> None:
    """uv installs them from the index that the user has set for pip alone."""
    install_packages("install them", lock, uv=UV, python=python, environment=users_settings)
    assert installed(python) == {"plugin==1.0", "measure==1.0", "helper==1.0", "parser==1.0"}
    assert what_is_wrong(uv=UV, python=python, environment=users_settings) is None


@pytest.mark.usefixtures("users_settings")
def test_b9_newer_releases_change_nothing_for_uv_itself(lock: Path, python_with_pip: Path) -> None:
    """This Python's own pip installs uv: the oldest pip looked for `measure==2.0` here."""
    install_uv(python_with_pip, lock)
    assert "measure==1.0" in installed(python_with_pip)


@pytest.mark.usefixtures("users_settings")
def test_b9_no_pip_installs_what_the_lock_of_uv_does_not_hold(
    index: PackageIndex, tmp_path: Path, python_with_pip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with PIP_USER: it installs into the virtual environment."""
    monkeypatch.setenv("PIP_USER", "1")
    index.publish("installer", "1.0", requires=["helper"])
    index.publish("helper", "1.0")
    install_uv(python_with_pip, index.lock(tmp_path / "uv.txt", "installer==1.0"))
    assert installed(python_with_pip) == {"installer==1.0"}


def test_b9_a_file_that_is_not_the_locked_one_is_refused(
    index: PackageIndex,
    lock: Path,
    python: Path,
    users_settings: Mapping[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    index.publish("helper", "1.0", requires=["something-else"])
    with pytest.raises(SystemExit):
        install_packages("install them", lock, uv=UV, python=python, environment=users_settings)
    said = capsys.readouterr().err
    assert "could not install them" in said
    assert "helper==1.0" in said
    assert installed(python) == set()


@pytest.fixture
def sharing_one_file(index: PackageIndex, tmp_path: Path) -> Path:
    """aws/aws-cdk#38482: the package that is unpacked last decides what the file holds.

    uv unpacks in any order. There are many packages, so that ours is not the last by chance.
    """
    names = (INSTALLED_LAST, SCHEMA, *(f"other{number}" for number in range(20)))
    for name in names:
        index.publish(name, "2.0", module=SHARED_FILE)
    return index.lock(tmp_path / "cdk.txt", *(f"{name}==2.0" for name in names))


def shared_file(python: Path) -> Path:
    return next((python.parent.parent / "lib").glob(f"python3*/site-packages/{SHARED_FILE}"))


def test_b9_the_file_that_two_packages_share_is_the_one_of_aws_cdk_lib(
    sharing_one_file: Path, python: Path, users_settings: Mapping[str, str]
) -> None:
    install_packages(
        "install them", sharing_one_file, uv=UV, python=python, environment=users_settings
    )
    assert INSTALLED_LAST in shared_file(python).read_text()
    assert what_is_wrong(uv=UV, python=python, environment=users_settings) is None


def test_b9_a_file_that_another_package_overwrote_is_detected(
    sharing_one_file: Path, python: Path, users_settings: Mapping[str, str]
) -> None:
    install_packages(
        "install them", sharing_one_file, uv=UV, python=python, environment=users_settings
    )
    shared_file(python).write_text(f"RELEASE = '{SCHEMA}==2.0'\n")
    problem = what_is_wrong(uv=UV, python=python, environment=users_settings)
    assert problem is not None
    assert SHARED_FILE in problem
    assert INSTALLED_LAST in problem
    assert "\n" not in problem


def test_b9_a_lock_that_lacks_a_package_is_detected(
    index: PackageIndex, python: Path, tmp_path: Path, users_settings: Mapping[str, str]
) -> None:
    index.publish("plugin", "1.0", requires=["forgotten>=3"])
    lock = index.lock(tmp_path / "requirements.txt", "plugin==1.0")
    install_packages("install it", lock, uv=UV, python=python, environment=users_settings)
    problem = what_is_wrong(uv=UV, python=python, environment=users_settings)
    assert problem is not None
    assert "forgotten" in problem
    assert "\n" not in problem


def test_b9_packages_in_a_folder_of_their_own_are_not_among_the_others(
    lock: Path, python: Path, tmp_path: Path, users_settings: Mapping[str, str]
) -> None:
    """Such as checkov, which pins old versions of packages that the project uses."""
    apart = tmp_path / "apart"
    install_packages(
        "install them", lock, uv=UV, python=python, environment=users_settings, target=apart
    )
    assert "measure==1.0" in (apart / "measure.py").read_text()
    assert installed(python) == set()
