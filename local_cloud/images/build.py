"""`docker build` without running anything: lays out the files that a Dockerfile copies.

RUN and COPY --from are recorded, not executed: the interpreter and the packages are those of this
project's virtual environment.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from local_cloud.images.dockerfile import Copy, DockerfileError, Stage, read_dockerfile
from local_cloud.images.ignore import Excludes, read_ignore
from local_cloud.images.store import ImageStore, LocalImage, read_image


def build_image(
    store: ImageStore, *, reference: str, context: Path, build_args: Mapping[str, str]
) -> LocalImage:
    """Build the image of `context` and keep it as `reference`. Raises DockerfileError."""
    dockerfile = context / "Dockerfile"
    if not dockerfile.is_file():
        raise DockerfileError(f"there is no {dockerfile}")
    stages = read_dockerfile(dockerfile.read_text(), build_args=build_args)
    excludes = read_ignore(context)
    # Those of earlier stages too: Docker fails where one of them is missing.
    copied = {copy: _files(context, copy, excludes) for stage in stages for copy in stage.copies}
    folder = store.new_folder()
    try:
        _lay_out(stages[-1], context, copied, folder / "rootfs")
        _write_record(stages[-1], folder)
        return read_image(store.keep(folder, reference))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _files(context: Path, copy: Copy, excludes: Excludes) -> list[Path]:
    """The files of the context that `copy` names. Raises DockerfileError when there are none."""
    source = Path(os.path.normpath(context / copy.source.lstrip("/")))
    found = [
        file
        for file in ([*source.rglob("*")] if source.is_dir() else [source])
        if file.is_symlink() or file.is_file()
        if file.is_relative_to(context)
        if not excludes(file.relative_to(context).as_posix())
    ]
    if not found:
        raise DockerfileError(
            f"Dockerfile line {copy.line}: {copy.source!r} is not in the build context {context} "
            "(it is missing, or .dockerignore excludes it)"
        )
    return found


def _lay_out(stage: Stage, context: Path, copied: Mapping[Copy, list[Path]], rootfs: Path) -> None:
    (rootfs / stage.workdir.lstrip("/")).mkdir(parents=True)
    for copy in stage.copies:
        source = context / copy.source.lstrip("/")
        destination = rootfs / copy.destination.lstrip("/")
        for file in copied[copy]:
            if source.is_dir():
                target = destination / file.relative_to(source)
            elif copy.into_folder or destination.is_dir():
                target = destination / file.name
            else:
                target = destination
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copy2(file, target, follow_symlinks=False)


def _write_record(stage: Stage, folder: Path) -> None:
    record = {
        "workdir": stage.workdir,
        "env": dict(stage.env),
        "cmd": stage.cmd,
        "not_executed": stage.not_executed,
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
