"""The contents of a Lambda function's asset, bundled without Docker."""

import atexit
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from infra.errors import ConfigurationError
from infra.imported_modules import ImportedModules
from infra.python_version import deployed_python, lambda_runtime

REPOSITORY: Final = Path(__file__).resolve().parent.parent
REQUIREMENTS: Final = Path("lambda_src/requirements.txt")
_LOCKED: Final = re.compile(r"^([\w.-]+)==", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class LambdaSource:
    """One function's asset: its module, all that it imports, and the data files of `also`.

    `module` has the `handler`. `also` maps paths in the repository to paths in the asset. The
    locked third-party packages are added if a module imports one of them.
    """

    module: str
    also: tuple[tuple[str, str], ...] = ()
    root: Path = REPOSITORY

    @property
    def handler(self) -> str:
        return f"{self.module}.handler"

    def files(self) -> dict[Path, Path]:
        """Map each path in the asset to its source file, sorted."""
        return self._files(self._imported())

    def _files(self, imported: ImportedModules) -> dict[Path, Path]:
        data = ((self.root / source, Path(target)) for source, target in self.also)
        return dict(
            sorted(
                [
                    *((file.relative_to(self.root), file) for file in imported.files),
                    *(
                        (target / path.relative_to(source) if source.is_dir() else target, path)
                        for source, target in data
                        for path in _data_files(source)
                    ),
                ]
            )
        )

    def content_hash(self) -> str:
        """Hash the contents, so that one commit always has the same asset."""
        imported = self._imported()
        digest = hashlib.sha256()
        for target, path in self._files(imported).items():
            digest.update(f"{target.as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        if self._needs_packages(imported):
            digest.update((self.root / REQUIREMENTS).read_bytes())
        return digest.hexdigest()

    def code(self) -> lambda_.Code:
        """Return the asset for CDK, which bundles it only if its stack is deployed."""
        return lambda_.Code.from_asset(
            str(self.root.joinpath(*self.module.split(".")[:-1])),
            asset_hash=self.content_hash(),
            asset_hash_type=cdk.AssetHashType.CUSTOM,
            bundling=cdk.BundlingOptions(
                image=lambda_runtime(deployed_python()).bundling_image,
                local=_LocalBundling(self),
            ),
        )

    def bundle(self, output_dir: Path) -> None:
        """Write the asset to `output_dir`. Raises ConfigurationError if pip fails."""
        imported = self._imported()
        if self._needs_packages(imported):
            packages = installed_packages(self.root / REQUIREMENTS)
            shutil.copytree(packages, output_dir, dirs_exist_ok=True)
        for target, path in self._files(imported).items():
            destination = output_dir / target
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, destination)

    def _needs_packages(self, imported: ImportedModules) -> bool:
        locked = set(_LOCKED.findall((self.root / REQUIREMENTS).read_text()))
        return any(locked & {*_distributions().get(package, ())} for package in imported.elsewhere)

    def _imported(self) -> ImportedModules:
        return ImportedModules.of(self.module, root=self.root)


@jsii.implements(cdk.ILocalBundling)
class _LocalBundling:
    def __init__(self, source: LambdaSource) -> None:
        self._source = source

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:
        self._source.bundle(Path(output_dir))
        return True


@cache
def _distributions() -> Mapping[str, list[str]]:
    """The installed distributions by package, read once: it takes 0.3 s, and every asset asks."""
    return packages_distributions()


def _data_files(source: Path) -> Iterator[Path]:
    if not source.exists():
        raise ConfigurationError(f"{source}: a Lambda asset needs this file, and it does not exist")
    if source.is_file():
        yield source
    for path in source.rglob("*"):
        if path.is_file():
            yield path


@cache
def installed_packages(requirements: Path) -> Path:
    """Install the locked packages once in a process; every asset copies them.

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
    # Scripts contain the path of this machine's interpreter, and no function runs them.
    shutil.rmtree(folder / "bin", ignore_errors=True)
    return folder
