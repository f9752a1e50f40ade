"""The versions of the delivery tools, which are pinned in `package.json`."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from infra.errors import ConfigurationError

_EXACT: Final = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """The CDK CLI and the asset publisher. Their schema versions must match: exact pins only."""

    cdk: str
    cdk_assets: str

    @classmethod
    def pinned_in(cls, package_json: Path) -> Self:
        """Raises ConfigurationError if a version is missing or is a range."""
        try:
            content = json.loads(package_json.read_text())
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{package_json.name} cannot be read: {error}") from None
        pins = content.get("devDependencies", {}) if isinstance(content, dict) else {}
        return cls(cdk=_pin(pins, "aws-cdk"), cdk_assets=_pin(pins, "cdk-assets"))


def _pin(pins: dict[str, Any], package: str) -> str:
    version = pins.get(package)
    if not isinstance(version, str) or not _EXACT.fullmatch(version):
        raise ConfigurationError(
            f"devDependencies.{package} in package.json is {version!r}: "
            f"it must be one exact version such as 1.2.3"
        )
    return version
