"""B8: the page in the background: one for each local cloud, on loopback, ended with it."""

import json
import os
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_cloud import page
from local_cloud.addresses import free_port
from local_cloud.commands import page as page_command
from local_cloud.page import page_address, show_page, start_page
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError, RunningCloud, stop_cloud


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudPaths]:
    paths = CloudPaths(tmp_path / "state")
    paths.state.mkdir()
    monkeypatch.setenv("LOCAL_PAGE_PORT", str(free_port()))
    yield paths
    stop_cloud(paths)


def _cloud(port: int = 9) -> RunningCloud:
    """That of this process. Its API answers nothing, which the page says in its cards."""
    own = psutil.Process()
    return RunningCloud(
        pid=own.pid, started_epoch_seconds=own.create_time(), port=port, api_port=8443
    )


def _process(paths: CloudPaths) -> psutil.Process:
    return psutil.Process(json.loads(paths.page.read_text())["pid"])


def test_b8_a_second_start_finds_the_running_page(paths: CloudPaths) -> None:
    address = start_page(paths, _cloud())
    process = _process(paths)
    assert address == f"http://127.0.0.1:{os.environ['LOCAL_PAGE_PORT']}/" == page_address(paths)
    assert start_page(paths, _cloud()) == address
    assert _process(paths) == process
    with urllib.request.urlopen(address, timeout=300) as answer:
        assert b"make up` starts it" in answer.read()


def test_b8_down_ends_the_page(paths: CloudPaths) -> None:
    start_page(paths, _cloud())
    process = _process(paths)
    assert stop_cloud(paths)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert page_address(paths) == ""


def test_b8_a_page_of_an_earlier_cloud_or_of_older_code_is_started_again(
    paths: CloudPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = start_page(paths, _cloud())
    first = _process(paths)
    assert start_page(paths, _cloud(port=10)) == address
    second = _process(paths)
    assert second != first
    monkeypatch.setattr(page, "_version", lambda: 1.0)
    assert start_page(paths, _cloud(port=10)) == address
    assert _process(paths) != second


def test_b8_the_page_of_the_local_cloud_gets_no_credentials_of_an_account(
    paths: CloudPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    start_page(paths, _cloud())
    variables = _process(paths).environ()
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert variables["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert not variables.keys() & {"AWS_PROFILE", "AWS_SESSION_TOKEN"}


def test_b8_a_taken_port_is_named_and_does_not_stop_a_delivery(
    paths: CloudPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    port = int(os.environ["LOCAL_PAGE_PORT"])
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(CloudError, match=rf"port {port} \(LOCAL_PAGE_PORT\) is taken"):
            start_page(paths, _cloud())
        show_page(paths, _cloud())
    assert f"note: port {port}" in capsys.readouterr().out
    show_page(paths, _cloud())
    assert f"page: http://127.0.0.1:{port}/" in capsys.readouterr().out


def test_b8_a_page_that_does_not_start_shows_its_last_lines(
    paths: CloudPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "ROOT", paths.state)  # without the program
    (paths.state / "page").mkdir()
    (paths.state / "page" / "x.py").write_text("")
    with pytest.raises(CloudError, match="the page did not start"):
        start_page(paths, _cloud())


def test_b8_without_a_local_cloud_the_command_says_how_to_start_one(paths: CloudPaths) -> None:
    with pytest.raises(CloudError, match="make up"):
        page_command(paths)


def test_b8_the_command_prints_the_address(
    paths: CloudPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud = _cloud()
    document = {
        "pid": cloud.pid,
        "started_epoch_seconds": cloud.started_epoch_seconds,
        "port": cloud.port,
        "api_port": cloud.api_port,
    }
    paths.server.write_text(json.dumps(document))
    try:
        assert page_command(paths) == 0
    finally:
        paths.server.unlink()  # `stop_cloud` would end this process
    assert capsys.readouterr().out == f"page: {page_address(paths)}\n"
