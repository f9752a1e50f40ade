"""The Python version of deployed code, read from `.python-version`.

docs/decisions/tool-versions.md gives the reason for this version.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

from aws_cdk import aws_lambda as lambda_

from infra.errors import ConfigurationError

FILE: Final = Path(__file__).resolve().parent.parent / ".python-version"
# Without a patch number: Lambda, CodeBuild and the image use the newest patch.
_RELEASE: Final = re.compile(r"3\.\d+")


def deployed_python(file: Path = FILE) -> str:
    """The version of functions, image and builds. Raises ConfigurationError."""
    try:
        version = file.read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"{file.name} cannot be read: {error}") from None
    if not _RELEASE.fullmatch(version):
        raise ConfigurationError(
            f"{file.name} holds {version!r}: it must be one release, written 3.<number>, "
            "without a patch number"
        )
    return version


@cache  # every function of a synth asks for it
def lambda_runtime(version: str) -> lambda_.Runtime:
    """Raises ConfigurationError if the CDK library has no runtime for `version`."""
    name = f"python{version}"
    known = {runtime.name: runtime for runtime in lambda_.Runtime.ALL}
    if name not in known:
        offered = ", ".join(sorted(n for n in known if n.startswith("python3")))
        raise ConfigurationError(
            f"{FILE.name} holds {version}, but aws-cdk-lib knows no Lambda runtime {name}: "
            f"choose one of {offered}, or raise aws-cdk-lib in requirements.in"
        )
    return known[name]
