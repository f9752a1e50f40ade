"""Writes the digest of the service's base image into `app_service/base_image.json`.

The registry is asked as docker does: an anonymous token, then the manifest of the tag
(https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests). Only an
image index is accepted: its digest is the same for every platform. The digest is computed from the
manifest that came, so it is never made up.
"""

import hashlib
import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toolchain.report import fail, say
from toolchain.setup import ROOT

_INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_LIMIT_BYTES: Final = 4 * 1024 * 1024  # the largest manifest that a registry must take
_TIMEOUT_SECONDS: Final = 10
_BASE: Final = re.compile(r"^FROM ([^/\s]+)/(\S+):\$\{PYTHON_TAG:\?\}", re.MULTILINE)


class Unreachable(Exception):
    """The registry gave no answer about the tag: nothing is known about it."""


class NoSuchTag(Exception):
    """The registry says that the tag does not exist, or is no index."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """`registry` is the address of a registry, such as `https://public.ecr.aws`."""

    registry: str
    name: str

    @classmethod
    def of_dockerfile(cls, text: str) -> "Repository":
        found = _BASE.search(text)
        if found is None:
            fail("app_service/Dockerfile must begin with FROM <registry>/<name>:${PYTHON_TAG:?}")
        return cls(registry=f"https://{found[1]}", name=found[2])

    def digest(self, tag: str) -> str:
        """The digest of the tag's image index. Raises Unreachable or NoSuchTag."""
        host = urllib.parse.urlsplit(self.registry).netloc
        scope = urllib.parse.urlencode({"service": host, "scope": f"repository:{self.name}:pull"})
        _, answer = self._get(f"token/?{scope}", {})
        try:
            token = str(json.loads(answer)["token"])
        except (ValueError, KeyError, TypeError):
            raise Unreachable(f"{self.registry} answered without a token") from None
        kind, manifest = self._get(
            f"v2/{self.name}/manifests/{tag}",
            {"Authorization": f"Bearer {token}", "Accept": ", ".join(_INDEXES)},
        )
        if kind not in _INDEXES:
            raise NoSuchTag(f"{self.name}:{tag} is {kind}, not an index of platforms")
        return f"sha256:{hashlib.sha256(manifest).hexdigest()}"

    def _get(self, path: str, headers: dict[str, str]) -> tuple[str, bytes]:
        """The content type and the body."""
        request = urllib.request.Request(f"{self.registry}/{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # nosec B310
                body = answer.read(_LIMIT_BYTES + 1)
                kind = str(answer.headers.get_content_type())
        except urllib.error.HTTPError as error:
            # A proxy may also answer with 404; only a registry names its reason like this.
            if error.code == http.client.NOT_FOUND and b"MANIFEST_UNKNOWN" in error.read():
                raise NoSuchTag(f"{self.registry} has no {path}") from None
            raise Unreachable(f"{self.registry} answered {error.code}") from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self.registry}: {error}") from None
        if len(body) > _LIMIT_BYTES:
            raise Unreachable(f"{self.registry} answered more than {_LIMIT_BYTES} bytes")
        return kind, body


def lock_base_image(
    room: Path = ROOT / "app_service", repository: Repository | None = None
) -> None:
    """Write the digest of the tag; leave the file as it is if the registry cannot be reached."""
    file = room / "base_image.json"
    tag = json.loads(file.read_text())["tag"]
    source = repository or Repository.of_dockerfile((room / "Dockerfile").read_text())
    try:
        digest = source.digest(tag)
    except NoSuchTag as error:
        fail(f"{file.name}: {error}: write a tag that exists")
    except Unreachable as error:
        say(f"{file.name} stays as it is, the digest of {tag} cannot be looked up: {error}")
        return
    file.write_text(json.dumps({"tag": tag, "digests": {tag: digest}}, indent=2) + "\n")
    say(f"{file.name}: {tag} is {digest}")
