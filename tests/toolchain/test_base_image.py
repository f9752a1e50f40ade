"""`make lock` writes the digest of the base image, looked up in a registry, or nothing."""

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from app_service.http_server.tls import server_context
from infra.base_image import base_image_args
from infra.python_version import deployed_python
from toolchain.base_image import Repository, lock_base_image
from toolchain.setup import ROOT

NAME = "docker/library/python"
TAG = f"{deployed_python()}.9-slim-trixie"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()


class Registry:
    """A registry over HTTP that gives anonymous tokens and knows one tag."""

    def __init__(self) -> None:
        self.kind = INDEX
        self.token: bytes = b'{"token": "anonymous"}'
        self.missing: tuple[int, bytes] = (404, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(*registry.answer(self.path, self.headers))

            def answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str, headers: object) -> tuple[int, str, bytes]:
        asked = urlsplit(path)
        if asked.path == "/token/":
            scope = parse_qs(asked.query)["scope"]
            return (200 if scope == [f"repository:{NAME}:pull"] else 400), "text/json", self.token
        given = headers.get("Authorization"), INDEX in headers.get("Accept", "")  # type: ignore[attr-defined]
        if given != ("Bearer anonymous", True):
            return 401, "text/json", b"{}"
        if asked.path == f"/v2/{NAME}/manifests/{TAG}":
            return 200, self.kind, MANIFEST
        status, body = self.missing
        return status, "text/json", body


@pytest.fixture
def registry() -> Iterator[Registry]:
    registry = Registry()
    Thread(target=registry.server.serve_forever, daemon=True).start()
    yield registry
    registry.server.shutdown()
    registry.server.server_close()


@pytest.fixture
def room(tmp_path: Path) -> Path:
    (tmp_path / "base_image.json").write_text(json.dumps({"tag": TAG, "digests": {"old": "x"}}))
    return tmp_path


def lock(room: Path, registry: Registry | str) -> str:
    """The text of the lock file after `make lock`."""
    url = registry if isinstance(registry, str) else registry.url
    lock_base_image(room, Repository(registry=url, name=NAME))
    return (room / "base_image.json").read_text()


def test_the_digest_of_the_tags_index_is_written_where_the_synth_reads_it(
    registry: Registry, room: Path
) -> None:
    lock(room, registry)

    digest = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
    assert base_image_args(room / "base_image.json")["PYTHON_DIGEST"] == f"@{digest}"


def test_without_a_network_the_file_stays_and_one_line_says_so(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (room / "base_image.json").read_text()

    assert lock(room, "http://127.0.0.1:9") == before
    (line,) = capsys.readouterr().err.splitlines()
    assert f"the digest of {TAG} cannot be looked up" in line


@pytest.mark.parametrize("answer", [(403, b"denied by a proxy"), (404, b"<html>"), (429, b"{}")])
def test_an_answer_that_says_nothing_about_the_tag_changes_nothing(
    registry: Registry, room: Path, answer: tuple[int, bytes]
) -> None:
    registry.missing = answer
    (room / "base_image.json").write_text('{"tag": "another", "digests": {}}')

    assert lock(room, registry) == '{"tag": "another", "digests": {}}'


@pytest.mark.parametrize("token", [b"", b"[]", b"{}"])
def test_an_answer_without_a_token_changes_nothing(
    registry: Registry, room: Path, token: bytes
) -> None:
    registry.token = token
    before = (room / "base_image.json").read_text()

    assert lock(room, registry) == before


def test_an_answer_that_is_too_long_changes_nothing(
    registry: Registry, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolchain.base_image._LIMIT_BYTES", len(MANIFEST) - 1)
    before = (room / "base_image.json").read_text()

    assert lock(room, registry) == before


def test_a_tag_that_does_not_exist_fails(
    registry: Registry, room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (room / "base_image.json").write_text('{"tag": "9.9.9-slim", "digests": {}}')

    with pytest.raises(SystemExit):
        lock(room, registry)
    assert "manifests/9.9.9-slim: write a tag that exists" in capsys.readouterr().err


def test_the_image_of_one_platform_is_refused(
    registry: Registry, room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.kind = "application/vnd.oci.image.manifest.v1+json"

    with pytest.raises(SystemExit):
        lock(room, registry)
    assert "not an index of platforms" in capsys.readouterr().err


def test_the_registry_is_the_one_that_the_dockerfile_names() -> None:
    dockerfile = (ROOT / "app_service" / "Dockerfile").read_text()

    assert Repository.of_dockerfile(dockerfile) == Repository(
        registry="https://public.ecr.aws", name=NAME
    )


def test_a_dockerfile_without_that_base_is_refused() -> None:
    with pytest.raises(SystemExit):
        Repository.of_dockerfile("FROM python:3.1\n")


def test_the_certificate_of_the_registry_is_verified(
    registry: Registry, room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever answers in the registry's place could give any digest."""
    before = (room / "base_image.json").read_text()
    own = server_context("127.0.0.1")
    registry.server.socket = own.wrap_socket(registry.server.socket, server_side=True)

    assert lock(room, registry.url.replace("http:", "https:")) == before
    assert "CERTIFICATE_VERIFY_FAILED" in capsys.readouterr().err
