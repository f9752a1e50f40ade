"""The stand-in for `docker` that CDK_DOCKER names: only the calls that cdk-assets makes."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from local_cloud.images.build import build_image
from local_cloud.images.dockerfile import DockerfileError
from local_cloud.images.store import ImageError, ImageStore, read_image, split_uri
from local_cloud.paths import ROOT, state_dir
from local_cloud.programs import write_program

_NOT_FOUND = 1  # the exit code of `inspect` that cdk-assets reads as: there is no such image
_REFUSED = 125


def install_docker(state: Path) -> Path:
    """Write the command for CDK_DOCKER (one path, as the CDK demands) and return it."""
    command = state / "tools" / "docker"
    # -P: a module in the working folder (an asset) must not replace one of ours.
    text = (
        "#!/bin/sh\n"
        f"LOCAL_STATE={shlex.quote(str(state))} PYTHONPATH={shlex.quote(str(ROOT))}"
        f' exec {shlex.quote(sys.executable)} -P -m local_cloud.images.docker "$@"\n'
    )
    write_program(command, text)
    return command


def main(arguments: Sequence[str]) -> int:
    """Run one docker command line; prints what docker prints; returns the exit code."""
    words = list(arguments)
    if words[:1] == ["--config"]:
        words = words[2:]
    store = ImageStore(state_dir())
    try:
        match words:
            case ["login", *_]:
                sys.stdin.read()
                print("Login Succeeded")
            case ["inspect", reference]:
                return _inspect(store, reference)
            case ["images", *flags]:
                _images(store, flags)
            case ["build", *rest]:
                _build(store, rest)
            case ["tag", source, reference]:
                store.tag(source, reference)
            case ["push", reference]:
                _push(store, reference)
            case _:
                print(
                    f"docker {' '.join(words)!r}: the local cloud has no container engine; it knows"
                    " login, inspect, images, build, tag and push",
                    file=sys.stderr,
                )
                return _REFUSED
    except (DockerfileError, ImageError) as error:
        print(f"docker {words[0]}: {error}", file=sys.stderr)
        return _REFUSED
    return 0


def _inspect(store: ImageStore, reference: str) -> int:
    folder = store.find(reference)
    if folder is None:
        print("[]")
        print(f"Error: No such object: {reference}", file=sys.stderr)
        return _NOT_FOUND
    image = read_image(folder)
    print(json.dumps([{"Id": f"sha256:{image.source_hash}", "RepoTags": [reference]}]))
    return 0


def _images(store: ImageStore, flags: Sequence[str]) -> None:
    """`images --format ... --filter reference=*/*:<tag>`: how cdk-assets looks for a tag."""
    wanted = [f.removeprefix("reference=*/*:") for f in flags if f.startswith("reference=*/*:")]
    for reference in store.references():
        _, colon, tag = reference.rpartition(":")
        if colon and "/" in reference and (not wanted or tag in wanted):
            print(reference)


def _build(store: ImageStore, words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="docker build", allow_abbrev=False)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--build-arg", action="append", default=[])
    parser.add_argument("--platform", help="accepted, has no effect here")
    parser.add_argument("context")
    options, unknown = parser.parse_known_args(words)
    if unknown:
        raise DockerfileError(f"the local image builder does not know {shlex.join(unknown)}")
    image = build_image(
        store,
        reference=options.tag,
        context=Path(options.context).resolve(),
        build_args=dict(pair.partition("=")[::2] for pair in options.build_arg),
    )
    for note in image.not_executed:
        print(f"not executed here: {note}")
    print(f"built {options.tag}: WORKDIR {image.workdir}, sha256:{image.source_hash[:12]}")


def _push(store: ImageStore, reference: str) -> None:
    repository, tag = split_uri(reference)
    store.push(reference)
    image = read_image(store.find(reference) or Path())
    manifest = json.dumps({"schemaVersion": 2, "local": {"sha256": image.source_hash}})
    import boto3  # noqa: PLC0415 - costs a third of a second, and only a push needs it

    ecr = boto3.client("ecr")
    try:
        ecr.put_image(repositoryName=repository, imageTag=tag, imageManifest=manifest)
    except ecr.exceptions.ImageTagAlreadyExistsException:
        print(f"{reference} is in ECR already")
    print(f"pushed {reference}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
