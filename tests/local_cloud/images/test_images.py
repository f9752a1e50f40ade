"""An image is a folder: it is built, tagged, pushed and loaded."""

import json
import os
import subprocess
from pathlib import Path

import boto3
import pytest

from local_cloud.images import docker
from local_cloud.images.store import ImageError, ImageStore, load_image, split_uri
from local_cloud.paths import ROOT

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
        'COPY app app/\nCOPY README.md /doc/\nUSER 1000\nCMD ["python", "-m", "app"]\n',
        ".dockerignore": "# not in the image\n\n**/__pycache__\n**/.*_cache\ntop\n",
        "app/__init__.py": "",
        "app/__pycache__/x.pyc": "compiled",
        "app/.x_cache": "a cache",
        "app/top": "of another folder",
        "top/x": "excluded",
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
    assert image.not_executed == ("RUN make it",)
    files = {p.relative_to(image.rootfs).as_posix() for p in image.rootfs.rglob("*") if p.is_file()}
    assert files == {"srv/app/__init__.py", "srv/app/link", "srv/app/top", "doc/README.md"}
    assert (image.rootfs / "srv/app/link").is_symlink()
    assert ecr.put == [("assets", "abc123")]


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_b13_an_image_for_another_architecture_is_built_for_this_machine(
    state: Path, context: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    """With the arguments of cdk-assets, in its order."""
    monkeypatch.chdir(context)

    assert docker.main(["build", "--tag", "cdkasset-1", "--platform", platform, "."]) == 0

    assert docker.main(["inspect", "cdkasset-1"]) == 0


def test_a_second_push_replaces_the_image_and_leaves_nothing_unfinished(
    state: Path, context: Path, ecr: FakeEcr, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(context, monkeypatch)
    first = load_image(URI, state).source_hash
    (context / "README.md").write_text("changed")
    assert docker.main(["build", "--tag", URI, "."]) == 0
    assert docker.main(["push", URI]) == 0
    image = load_image(URI, state)
    assert image.source_hash != first
    assert (image.rootfs / "doc/README.md").read_text() == "changed"
    assert list((state / "images" / "unfinished").iterdir()) == []


def test_images_lists_the_references_with_a_tag(
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
        (["build", "--tag", "x", "nowhere"], "there is no "),
        (["build", "--tag", "x", "--target", "base", "."], "does not know --target"),
    ],
)
def test_an_unknown_call_is_refused_in_one_line(
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


@pytest.mark.parametrize("source", ["missing.py", "app/__pycache__", "../outside", "top"])
def test_a_copy_of_a_missing_or_excluded_file_fails_in_every_stage(
    state: Path, context: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in Docker, which builds the earlier stages too."""
    (context.parent / "outside").touch()
    (context / "Dockerfile").write_text(f"FROM a AS b\nCOPY {source} /x/\nFROM a\n")
    monkeypatch.chdir(context)
    assert docker.main(["build", "--tag", "x", "."]) == 125
    assert docker.main(["inspect", "x"]) == 1
    assert not list(state.glob("images/*/*"))


@pytest.mark.parametrize("pattern", ["!app", "app/data", "a?", "[ab]"])
def test_an_unknown_ignore_pattern_is_refused(
    state: Path,
    context: Path,
    pattern: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (context / ".dockerignore").write_text(f"top\n{pattern}\n")
    monkeypatch.chdir(context)
    assert docker.main(["build", "--tag", "x", "."]) == 125
    assert f".dockerignore line 2, `{pattern}`" in capsys.readouterr().err


def test_the_projects_image_holds_the_service_and_no_tests(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / "app_service")
    build = ["build", "--build-arg", "PYTHON_TAG=9.9.1-slim", "--tag", URI, "."]
    assert docker.main(build) == 0
    folder = ImageStore(state).find(URI)
    assert folder is not None
    files = [p.name for p in (folder / "rootfs/srv/app_service").rglob("*")]
    assert "__main__.py" in files
    assert not {"Dockerfile", "__pycache__", "tests"} & set(files)


@pytest.mark.parametrize("uri", [URI, "host/a:..", "host/../a:t"])
def test_an_image_that_was_never_pushed_is_named_in_the_error(state: Path, uri: str) -> None:
    with pytest.raises(ImageError, match="image "):
        load_image(uri, state)


def test_a_digest_is_refused_where_a_tag_is_needed() -> None:
    with pytest.raises(ImageError, match="<registry>/<repository>:<tag>"):
        split_uri("host/repository@sha256:00")


def test_the_installed_command_works_in_any_folder_and_imports_no_modules_from_it(
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
