"""What a Lambda function's asset holds, and how it is put together without Docker."""

import atexit
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from infra.errors import ConfigurationError
from infra.python_version import deployed_python, lambda_runtime

REPOSITORY: Final = Path(__file__).resolve().parent.parent
REQUIREMENTS: Final = Path("lambda_src/requirements.txt")


@dataclass(frozen=True, kw_only=True)
class LambdaSource:
    """One function's asset: its folder, the modules all functions share, and what else it names.

    `also` maps paths in the repository to paths in the asset. `with_packages` adds the locked
    third-party packages.
    """

    folder: str
    also: tuple[tuple[str, str], ...] = ()
    with_packages: bool = True
    root: Path = REPOSITORY

    @property
    def handler(self) -> str:
        return f"lambda_src.{self.folder}.entrypoint.handler"

    def files(self) -> dict[Path, Path]:
        """Map each path in the asset to the file that goes there, in order."""
        shared = [(str(path.relative_to(self.root)),) * 2 for path in self._shared_modules()]
        own = f"lambda_src/{self.folder}"
        return dict(
            sorted(
                (target / path.relative_to(source) if source.is_dir() else target, path)
                for source, target in (
                    (self.root / source, Path(target))
                    for source, target in (*shared, (own, own), *self.also)
                )
                for path in _sources_in(source)
            )
        )

    def content_hash(self) -> str:
        """Hash what goes into the asset, so that one commit always names the same asset."""
        digest = hashlib.sha256()
        for target, path in self.files().items():
            digest.update(f"{target.as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        if self.with_packages:
            digest.update((self.root / REQUIREMENTS).read_bytes())
        return digest.hexdigest()

    def code(self) -> lambda_.Code:
        """Return the asset as CDK wants it; it is put together only if its stack is deployed."""
        return lambda_.Code.from_asset(
            str(self.root / "lambda_src" / self.folder),
            asset_hash=self.content_hash(),
            asset_hash_type=cdk.AssetHashType.CUSTOM,
            bundling=cdk.BundlingOptions(
                image=lambda_runtime(deployed_python()).bundling_image,
                local=_LocalBundling(self),
            ),
        )

    def bundle(self, output_dir: Path) -> None:
        """Put the asset together in `output_dir`. Raises ConfigurationError when pip fails."""
        if self.with_packages:
            packages = installed_packages(self.root / REQUIREMENTS)
            shutil.copytree(packages, output_dir, dirs_exist_ok=True)
        for target, path in self.files().items():
            destination = output_dir / target
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, destination)

    def _shared_modules(self) -> Iterator[Path]:
        return (self.root / "lambda_src").glob("*.py")


@jsii.implements(cdk.ILocalBundling)
class _LocalBundling:
    def __init__(self, source: LambdaSource) -> None:
        self._source = source

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:
        self._source.bundle(Path(output_dir))
        return True


def _sources_in(source: Path) -> Iterator[Path]:
    if not source.exists():
        raise ConfigurationError(f"{source}: a Lambda asset needs it and it is not there")
    if source.is_file():
        yield source
    for path in source.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            yield path


@cache
def installed_packages(requirements: Path) -> Path:
    """Install the locked packages once per run; every asset takes its copy.

    The folder is deleted when the process ends.
    """
    folder = Path(tempfile.mkdtemp(prefix="lambda-packages-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-input", "--no-compile", "--no-deps", "--require-hashes"),
        *("--target", str(folder), "--requirement", str(requirements)),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise ConfigurationError(f"pip could not install {requirements}: {result.stderr.strip()}")
    # Command line scripts name the interpreter of this machine, and no function runs them.
    shutil.rmtree(folder / "bin", ignore_errors=True)
    return folder
