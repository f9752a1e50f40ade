"""Building, tagging, pushing and loading an image that is a folder."""

import json
import os
import subprocess
from pathlib import Path

import boto3
import pytest

from local_cloud.images import docker
from local_cloud.images.ignore import compile_ignore
from local_cloud.images.store import ImageError, load_image, split_uri

URI = "000000000000.dkr.ecr.us-east-1.amazonaws.com/assets:abc123"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a state"
    monkeypatch.setenv("LOCAL_STATE", str(folder))
    return folder


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "a context"
    files = {
        "Dockerfile": "FROM python:3.12\nENV MODE=live\nWORKDIR /srv\nRUN make it\n"
        'COPY app app/\nCOPY README* /doc/\nUSER 1000\nEXPOSE 8443\nCMD ["python", "-m", "app"]\n',
        ".dockerignore": "**/__pycache__\n*.secret\napp/data/*\n!app/data/kept.txt\n",
        "app/__init__.py": "",
        "app/__pycache__/x.pyc": "compiled",
        "app/data/dropped.txt": "no",
        "app/data/kept.txt": "yes",
        "README.md": "read me",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "app" / "link").symlink_to("__init__.py")
    return folder


class FakeEcr:
    """Remembers what was put."""

    class exceptions:  # noqa: N801 - the name boto3 gives it
        ImageTagAlreadyExistsException = KeyError

    def __init__(self) -> None:
        self.put: list[tuple[str, str]] = []

    def put_image(self, *, repositoryName: str, imageTag: str, imageManifest: str) -> None:  # noqa: N803
        json.loads(imageManifest)
        if (repositoryName, imageTag) in self.put:
            raise KeyError(imageTag)
        self.put.append((repositoryName, imageTag))


@pytest.fixture
def ecr(monkeypatch: pytest.MonkeyPatch) -> FakeEcr:
    fake = FakeEcr()
    monkeypatch.setattr(boto3, "client", lambda service: fake)
    return fake


def publish(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of cdk-assets, in its order, from the asset's folder."""
    monkeypatch.chdir(context)
    monkeypatch.setattr("sys.stdin", (context / "Dockerfile").open())
    assert docker.main(["login", "--username", "AWS", "--password-stdin", "host"]) == 0
    assert docker.main(["inspect", "cdkasset-abc123"]) == 1
    assert docker.main(["build", "--tag", "cdkasset-abc123", "--platform", "linux/amd64", "."]) == 0
    assert docker.main(["inspect", "cdkasset-abc123"]) == 0
    assert docker.main(["tag", "cdkasset-abc123", URI]) == 0
    assert docker.main(["--config", "/x", "push", URI]) == 0


def test_what_cdk_assets_publishes_can_be_loaded_and_started(
    state: Path, context: Path, ecr: FakeEcr, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(context, monkeypatch)
    image = load_image(URI, state)
    assert image.directory == image.rootfs / "srv"
    assert image.env == {"MODE": "live"}
    assert image.arguments() == ["python", "-m", "app"]
    assert image.arguments(["other"]) == ["other"]
    assert (image.user, image.expose, image.not_executed) == ("1000", ("8443",), ("RUN make it",))
    files = {p.relative_to(image.rootfs).as_posix() for p in image.rootfs.rglob("*") if p.is_file()}
    assert files == {
        "srv/app/__init__.py",
        "srv/app/link",
        "srv/app/data/kept.txt",
        "doc/README.md",
    }
    assert (image.rootfs / "srv/app/link").is_symlink()
    assert ecr.put == [("assets", "abc123")]


def test_a_second_push_replaces_the_image_and_leaves_nothing_unfinished(
    state: Path, context: Path, ecr: FakeEcr, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(context, monkeypatch)
    first = load_image(URI, state).source_hash
    (context / "README.md").write_text("changed")
    assert docker.main(["build", "-t", URI, "-f", "Dockerfile", "--no-cache", "."]) == 0
    assert docker.main(["push", URI]) == 0
    image = load_image(URI, state)
    assert image.source_hash != first
    assert (image.rootfs / "doc/README.md").read_text() == "changed"
    assert list((state / "images" / "unfinished").iterdir()) == []


def test_images_lists_what_carries_a_tag(
    state: Path,
    context: Path,
    ecr: FakeEcr,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    publish(context, monkeypatch)
    capsys.readouterr()
    format_flags = ["--format", "{{.Repository}}:{{.Tag}}", "--filter"]
    assert docker.main(["images", *format_flags, "reference=*/*:abc123"]) == 0
    assert capsys.readouterr().out == URI + "\n"
    assert docker.main(["images", *format_flags, "reference=*/*:other"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "alpine"], "no container engine"),
        (["tag", "missing", URI], "no local image 'missing'"),
        (["push", URI], "no local image"),
        (["push", "no-registry"], "not of the form"),
        (["build", "-t", "x", "nowhere"], "is not a folder"),
        (["build", "-t", "x", "-f", "Other", "."], "no Dockerfile"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    *,
    state: Path,
    context: Path,
    words: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(context)
    assert docker.main(words) == 125
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("source", ["missing.py", "app/__pycache__", "../outside"])
def test_a_copy_of_nothing_fails_and_leaves_no_image(
    state: Path, context: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (context / "Dockerfile").write_text(f"FROM a\nCOPY {source} /x/\n")
    monkeypatch.chdir(context)
    assert docker.main(["build", "-t", "x", "."]) == 125
    assert docker.main(["inspect", "x"]) == 1
    assert list((state / "images" / "unfinished").iterdir()) == []


@pytest.mark.parametrize("uri", [URI, "host/a:..", "host/../a:t"])
def test_an_image_that_was_never_pushed_is_missed_by_name(state: Path, uri: str) -> None:
    with pytest.raises(ImageError, match="image "):
        load_image(uri, state)


def test_a_digest_is_no_tag() -> None:
    with pytest.raises(ImageError, match="<registry>/<repository>:<tag>"):
        split_uri("host/repository@sha256:00")


def test_the_installed_command_works_from_any_folder_and_ignores_modules_lying_there(
    state: Path, context: Path
) -> None:
    (context / "local_cloud.py").write_text("raise SystemExit('shadowed')")
    (context / "json.py").write_text("raise SystemExit('shadowed')")
    command = docker.install_docker(state)
    done = subprocess.run(
        [str(command), "build", "--tag", "x", "."],
        cwd=context,
        env={"PATH": os.environ["PATH"]},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "not executed here: RUN make it" in done.stdout
    assert subprocess.run([str(command), "inspect", "x"], check=False).returncode == 0


def test_ignore_patterns_follow_docker() -> None:
    excludes = compile_ignore("# note\n\n/top\nb?.txt\n**/deep/*.log\n[xy]z\ndir/\n!dir/back\n")
    ignored = ["top", "top/below", "b1.txt", "deep/a.log", "a/b/deep/a.log", "xz", "dir/file"]
    assert [path for path in ignored if not excludes(path)] == []
    kept = ["below/top", "b12.txt", "deep/a/b.log", "az", "dir/back", "dir/back/file"]
    assert [path for path in kept if excludes(path)] == []
