"""The base image of the service, read from `app_service/base_image.json`.

`make lock` writes the digest of the tag if the registry can be reached (toolchain/base_image.py).
"""

import json
import re
from pathlib import Path
from typing import Final

from infra.errors import ConfigurationError
from infra.python_version import deployed_python

FILE: Final = Path(__file__).resolve().parent.parent / "app_service" / "base_image.json"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def base_image_args(file: Path = FILE) -> dict[str, str]:
    """The build arguments that name the base image. Raises ConfigurationError.

    Without a digest for exactly this tag, the tag alone names the image.
    """
    try:
        content = json.loads(file.read_text())
        tag, digests = str(content["tag"]), dict(content["digests"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{file.name} cannot be read: {error!r}: it must be JSON with `tag` and `digests`"
        ) from None
    python = deployed_python()
    if not re.fullmatch(rf"{re.escape(python)}\.\d+-slim-[a-z]+", tag):
        raise ConfigurationError(
            f"{file.name} holds the tag {tag!r}: it must be an exact version of Python {python} "
            f"(.python-version), written {python}.<number>-slim-<Debian release>"
        )
    if tag not in digests:
        return {"PYTHON_TAG": tag}
    if not _DIGEST.fullmatch(str(digests[tag])):
        raise ConfigurationError(
            f"{file.name} holds the digest {digests[tag]!r} for {tag}: it must be sha256: and "
            "64 hexadecimal digits; `make lock` writes it"
        )
    return {"PYTHON_TAG": tag, "PYTHON_DIGEST": f"@{digests[tag]}"}
