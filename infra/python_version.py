"""Which Python runs what is deployed: `.python-version` says it, and this is how CDK code reads it.

docs/decisions/tool-versions.md says why it is that one.
"""

import re
from pathlib import Path
from typing import Final

from aws_cdk import aws_lambda as lambda_

from infra.errors import ConfigurationError

FILE: Final = Path(__file__).resolve().parent.parent / ".python-version"
# Without the patch release: Lambda, CodeBuild and the image take the newest of it themselves.
_RELEASE: Final = re.compile(r"3\.\d+")


def deployed_python(file: Path = FILE) -> str:
    """The release of the functions, the image and the builds. Raises ConfigurationError."""
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


def lambda_runtime(version: str) -> lambda_.Runtime:
    """Raises ConfigurationError for a Python that the CDK library knows no runtime of."""
    name = f"python{version}"
    known = {runtime.name: runtime for runtime in lambda_.Runtime.ALL}
    if name not in known:
        offered = ", ".join(sorted(n for n in known if n.startswith("python3")))
        raise ConfigurationError(
            f"{FILE.name} says {version}, and aws-cdk-lib knows no Lambda runtime {name}: "
            f"choose one of {offered}, or raise aws-cdk-lib in requirements.in"
        )
    return known[name]
