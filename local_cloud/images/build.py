"""`docker build` without running anything: the files that a Dockerfile copies, laid out as a root.

RUN and COPY --from are not executed, only written down: the base image's programs and the installed
packages are those of this machine.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from local_cloud.images.dockerfile import DockerfileError
from local_cloud.images.ignore import Excludes, read_ignore
from local_cloud.images.plan import Copy, Plan, plan
from local_cloud.images.store import ImageStore, LocalImage, read_image


def build_image(
    store: ImageStore,
    *,
    reference: str,
    context: Path,
    dockerfile: Path,
    build_args: Mapping[str, str],
    target: str | None = None,
) -> LocalImage:
    """Build the image and keep it as `reference`. Raises DockerfileError."""
    if not context.is_dir():
        raise DockerfileError(f"the build context {context} is not a folder")
    if not dockerfile.is_file():
        raise DockerfileError(f"there is no Dockerfile at {dockerfile}")
    made = plan(dockerfile.read_text(), build_args=build_args, target=target)
    folder = store.new_folder()
    try:
        _materialise(made, context, read_ignore(context, dockerfile), folder / "rootfs")
        _write_record(made, folder)
        return read_image(store.keep(folder, reference))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _materialise(made: Plan, context: Path, excludes: Excludes, rootfs: Path) -> None:
    (rootfs / made.workdir.lstrip("/")).mkdir(parents=True)
    for copy in made.copies:
        for source in copy.sources:
            matches = list(_matches(context, source, excludes))
            if not matches:
                raise DockerfileError(
                    f"Dockerfile line {copy.line}: {source!r} is not in the build context {context}"
                    " (missing, or left out by .dockerignore)"
                )
            for match in matches:
                _copy(match, context, excludes, rootfs, copy)


def _matches(context: Path, pattern: str, excludes: Excludes) -> Iterator[Path]:
    relative = os.path.normpath(pattern.lstrip("/"))
    if relative == ".":
        yield context
        return
    if relative.startswith(".."):
        raise DockerfileError(f"{pattern!r} is outside of the build context")
    for match in sorted(context.glob(relative)):
        name = match.relative_to(context).as_posix()
        # A folder that is left out may hold files that were taken back in.
        if not excludes(name) or (match.is_dir() and any(_files(match, context, excludes))):
            yield match


def _files(folder: Path, context: Path, excludes: Excludes) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        is_leaf = file.is_symlink() or not file.is_dir()
        if is_leaf and not excludes(file.relative_to(context).as_posix()):
            yield file


def _copy(match: Path, context: Path, excludes: Excludes, rootfs: Path, copy: Copy) -> None:
    destination = rootfs / copy.destination.lstrip("/")
    if match.is_dir() and not match.is_symlink():
        destination.mkdir(parents=True, exist_ok=True)
        for file in _files(match, context, excludes):
            _copy_file(file, destination / file.relative_to(match))
    elif copy.into_folder or destination.is_dir() or len(copy.sources) > 1:
        _copy_file(match, destination / match.name)
    else:
        _copy_file(match, destination)


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def _write_record(made: Plan, folder: Path) -> None:
    record = {
        "base": made.base,
        "workdir": made.workdir,
        "env": dict(made.env),
        "entrypoint": made.entrypoint,
        "cmd": made.cmd,
        "user": made.user,
        "expose": made.expose,
        "not_executed": made.not_executed,
    }
    record["source_hash"] = _hash(folder / "rootfs", json.dumps(record, sort_keys=True))
    (folder / "image.json").write_text(json.dumps(record, indent=1))


def _hash(rootfs: Path, configuration: str) -> str:
    digest = hashlib.sha256(configuration.encode())
    for file in sorted(rootfs.rglob("*")):
        content = b""
        if file.is_symlink():
            content = os.readlink(file).encode()  # noqa: PTH115 - the text, not a Path
        elif file.is_file():
            content = file.read_bytes()
        name = file.relative_to(rootfs).as_posix().encode()
        digest.update(b"%d:%s%d:%s" % (len(name), name, len(content), content))
    return digest.hexdigest()
