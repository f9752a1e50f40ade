"""A package index in a folder, with packages of one module each, and lock files for them."""

import base64
import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PURE_PYTHON = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(kw_only=True)
class PackageIndex:
    """`url` is an index for pip and uv, with all releases published so far."""

    folder: Path
    hashes: dict[str, str] = field(default_factory=dict)  # of each release, as `name==version`

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def publish(
        self,
        name: str,
        version: str,
        *,
        requires: Sequence[str] = (),
        extras: Sequence[str] = (),
        module: str | None = None,
    ) -> None:
        """Add a release; its `module` (default: the package's name) holds name and version."""
        normalized = name.replace(".", "-")  # as in the simple repository API
        distribution = normalized.replace("-", "_")
        wheel = self.folder / normalized / f"{distribution}-{version}-py3-none-any.whl"
        wheel.parent.mkdir(parents=True, exist_ok=True)
        metadata = [
            "Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}",
            *(f"Provides-Extra: {extra}" for extra in extras),
            *(f"Requires-Dist: {requirement}" for requirement in requires),
        ]  # fmt: skip
        information = f"{distribution}-{version}.dist-info"
        files = {
            module or f"{distribution}.py": f"RELEASE = '{name}=={version}'\n",
            f"{information}/METADATA": "\n".join(metadata) + "\n",
            f"{information}/WHEEL": _PURE_PYTHON,
        }
        record = [f"{path},{_record_hash(text)},{len(text)}" for path, text in files.items()]
        files[f"{information}/RECORD"] = "\n".join([*record, f"{information}/RECORD,,"]) + "\n"
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
        self.hashes[f"{name}=={version}"] = hashlib.sha256(wheel.read_bytes()).hexdigest()
        links = (f'<a href="{file.name}">{file.name}</a>' for file in wheel.parent.glob("*.whl"))
        (wheel.parent / "index.html").write_text("<!DOCTYPE html>" + "".join(links))

    def lock(self, file: Path, *releases: str) -> Path:
        """Write a lock file with exactly these releases, as `name==version`."""
        lines = (f"{r} \\\n    --hash=sha256:{self.hashes[r]}\n" for r in releases)
        file.write_text("".join(lines))
        return file


def _record_hash(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"sha256={digest.rstrip(b'=').decode()}"
