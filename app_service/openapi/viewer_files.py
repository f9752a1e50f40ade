"""The files of the API viewer: our page, and Swagger UI from the package `offapi`."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

PAGE = "viewer.html"
_OURS = Path(__file__).with_name("viewer")
# Read from its folder, not imported: on import the package loads three viewers into memory.
_SWAGGER_UI = Path(str(distribution("offapi").locate_file("offapi")))

_HTML, _CSS, _SCRIPT = (f"text/{kind}; charset=utf-8" for kind in ("html", "css", "javascript"))
FILES: Mapping[str, tuple[Path, str]] = {
    PAGE: (_OURS / PAGE, _HTML),
    "viewer.css": (_OURS / "viewer.css", _CSS),
    "viewer.js": (_OURS / "viewer.js", _SCRIPT),
    "swagger-ui.css": (_SWAGGER_UI / "swagger_style.css", _CSS),
    "swagger-ui-bundle.js": (_SWAGGER_UI / "swagger_bundle.js", _SCRIPT),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    content: bytes
    compressed: bytes
    media_type: str
    etag: str


@cache
def load(name: str) -> File:
    """One of FILES. It is compressed once, which takes long enough to need a thread."""
    path, media_type = FILES[name]
    content = path.read_bytes()
    return File(
        content=content,
        compressed=gzip.compress(content, mtime=0),
        media_type=media_type,
        etag=f'W/"{hashlib.sha256(content).hexdigest()[:32]}"',
    )
