"""The delivery tools have exact versions, pinned in one place."""

from pathlib import Path

import pytest

from infra.errors import ConfigurationError
from pipeline.tool_versions import Toolchain


def package_json(folder: Path, content: str) -> Path:
    path = folder / "package.json"
    path.write_text(content)
    return path


def test_the_pins_are_those_of_package_json(tmp_path: Path) -> None:
    pinned = '{"devDependencies": {"aws-cdk": "2.1148.1", "cdk-assets": "4.7.3"}}'

    toolchain = Toolchain.pinned_in(package_json(tmp_path, pinned))

    assert toolchain == Toolchain(cdk="2.1148.1", cdk_assets="4.7.3")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"devDependencies": {"aws-cdk": "^2.1"}}', r"devDependencies\.aws-cdk .* is '\^2\.1'"),
        ('{"devDependencies": {"aws-cdk": "2.1.0"}}', r"devDependencies\.cdk-assets .* is None"),
        ('{"devDependencies": {"aws-cdk": 2}}', r"is 2: it must be one exact version"),
        ("{}", r"devDependencies\.aws-cdk"),
        ("[]", r"devDependencies\.aws-cdk"),
        ("{oops", r"package\.json cannot be read"),
    ],
)
def test_a_version_that_is_no_exact_pin_is_refused(
    tmp_path: Path, content: str, complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        Toolchain.pinned_in(package_json(tmp_path, content))


def test_a_missing_package_json_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"package\.json cannot be read"):
        Toolchain.pinned_in(tmp_path / "package.json")
