"""The folders of built and pushed images, and how a task finds the image that it names.

images/build/<image>/{rootfs/,image.json}                result of `docker build`
images/tags/<quoted reference>                           name of a folder in build/
images/registry/<repository>/<tag>/{rootfs/,image.json}  result of `docker push`
"""

import json
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from local_cloud.whole_file import write_whole


class ImageError(Exception):
    """An image is missing or its name cannot be used; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class LocalImage:
    """An image as a folder: start `arguments()` in `directory` with `env`."""

    rootfs: Path
    workdir: str
    env: dict[str, str]
    cmd: tuple[str, ...]
    source_hash: str
    not_executed: tuple[str, ...]

    @property
    def directory(self) -> Path:
        return self.rootfs / self.workdir.lstrip("/")

    def arguments(self, command: Sequence[str] = ()) -> list[str]:
        """The command line of the container; `command` of a task definition replaces CMD."""
        return list(command or self.cmd)


def load_image(image_uri: str, state_dir: Path) -> LocalImage:
    """The pushed image that `image_uri` (`<registry>/<repository>:<tag>`) names.

    Raises ImageError when it was not pushed to this local cloud.
    """
    folder = registry_folder(image_uri, state_dir)
    if not (folder / "image.json").is_file():
        raise ImageError(
            f"image {image_uri} is not in the local registry ({folder}): "
            "did a pipeline of this local cloud publish its asset?"
        )
    return read_image(folder)


def read_image(folder: Path) -> LocalImage:
    """The image in a folder of build/ or registry/."""
    record = json.loads((folder / "image.json").read_text())
    return LocalImage(
        rootfs=folder / "rootfs",
        workdir=record["workdir"],
        env=record["env"],
        cmd=tuple(record["cmd"]),
        source_hash=record["source_hash"],
        not_executed=tuple(record["not_executed"]),
    )


def split_uri(image_uri: str) -> tuple[str, str]:
    """Repository and tag of an ECR reference. Raises ImageError."""
    _, slash, path = image_uri.partition("/")
    repository, colon, tag = path.rpartition(":")
    if not slash or not colon or "@" in path:
        raise ImageError(f"image {image_uri!r} is not of the form <registry>/<repository>:<tag>")
    return repository, tag


def registry_folder(image_uri: str, state_dir: Path) -> Path:
    repository, tag = split_uri(image_uri)
    if not all(part.strip(".") for part in [*repository.split("/"), tag]):
        raise ImageError(f"image {image_uri!r} has an empty or dotted part in its name")
    return state_dir / "images" / "registry" / repository / tag


class ImageStore:
    """The images that were built on this machine. Safe to use from several processes."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._root = state_dir / "images"

    def new_folder(self) -> Path:
        """An empty folder to build an image in; hand it to `keep`."""
        folder = self._root / "unfinished" / uuid.uuid4().hex
        folder.mkdir(parents=True)
        return folder

    def keep(self, unfinished: Path, reference: str) -> Path:
        """Keep the image that was built in `unfinished` as `reference`."""
        target = self._root / "build" / quote(reference, safe="")
        _put(unfinished, target, trash=self._root / "unfinished")
        self._write_tag(reference, target.name)
        return target

    def find(self, reference: str) -> Path | None:
        """The folder of a local image, or None."""
        try:
            name = self._tag_file(reference).read_text()
        except FileNotFoundError:
            return None
        folder = self._root / "build" / name
        return folder if (folder / "image.json").is_file() else None

    def tag(self, source: str, reference: str) -> None:
        """Raises ImageError when there is no image `source`."""
        self._write_tag(reference, self._found(source).name)

    def references(self) -> list[str]:
        folder = self._root / "tags"
        return sorted(unquote(file.name) for file in folder.glob("[!.]*"))

    def push(self, reference: str) -> Path:
        """Publish a local image in the registry under its full name, in one step."""
        source = self._found(reference)
        target = registry_folder(reference, self._state_dir)
        unfinished = self.new_folder()
        shutil.copytree(source, unfinished, symlinks=True, dirs_exist_ok=True)
        _put(unfinished, target, trash=self._root / "unfinished")
        return target

    def _found(self, reference: str) -> Path:
        folder = self.find(reference)
        if folder is None:
            raise ImageError(f"there is no local image {reference!r}")
        return folder

    def _tag_file(self, reference: str) -> Path:
        return self._root / "tags" / quote(reference, safe="")

    def _write_tag(self, reference: str, name: str) -> None:
        file = self._tag_file(reference)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, name)


def _put(source: Path, target: Path, *, trash: Path) -> None:
    """Move a finished folder to `target`; replaces a folder that is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    old = trash / uuid.uuid4().hex
    try:
        os.rename(target, old)  # noqa: PTH104 - a rename that must not follow or replace
    except FileNotFoundError:
        old = source
    os.rename(source, target)  # noqa: PTH104
    if old != source:
        shutil.rmtree(old, ignore_errors=True)
