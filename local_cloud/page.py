"""The page in the background: starts `python -m page` for the running local cloud.

It ends with the other processes of the state folder, because it has the folder's mark.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from typing import Final

import psutil

from local_cloud.aws import environment
from local_cloud.paths import ROOT, STATE_MARK, CloudPaths
from local_cloud.server import CloudError, RunningCloud, listening_socket
from local_cloud.whole_file import write_whole

_PREFERRED_PORT: Final = 4580
_START_SECONDS: Final = 20
_STOP_SECONDS: Final = 10
_CODE: Final = {".css", ".html", ".js", ".py"}


@dataclass(frozen=True, kw_only=True)
class _Page:
    pid: int
    started_epoch_seconds: float
    port: int
    endpoint_url: str  # of the local cloud that it reads
    version: float  # of its code

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def process(self) -> psutil.Process | None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            # The system reuses process ids: the start time must be the same too.
            is_same = abs(process.create_time() - self.started_epoch_seconds) < 2
            if is_same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


def show_page(paths: CloudPaths, cloud: RunningCloud) -> None:
    """Start the page and print its address. A page that does not start stops no delivery."""
    try:
        print(f"page: {start_page(paths, cloud)}   # watch this run there", flush=True)
    except CloudError as error:
        print(f"note: {error}", flush=True)


def start_page(paths: CloudPaths, cloud: RunningCloud) -> str:
    """The address of the page, which runs and shows `cloud`. Raises CloudError."""
    running = _running_page(paths)
    version = _version()
    if running is not None:
        if (running.endpoint_url, running.version) == (cloud.endpoint_url, version):
            return running.address
        _end(running)
    with (
        listening_socket(
            _PREFERRED_PORT if running is None else running.port, variable="LOCAL_PAGE_PORT"
        ) as listener,
        paths.page_log.open("ab") as log,
    ):
        process = subprocess.Popen(
            [
                sys.executable, "-m", "page", "--local-state", str(paths.state),
                "--listener", str(listener.fileno()),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[listener.fileno()],
            env={**_without_account(), **environment(cloud.endpoint_url),
                 STATE_MARK: str(paths.state)},
        )  # fmt: skip
        page = _Page(
            pid=process.pid,
            started_epoch_seconds=psutil.Process(process.pid).create_time(),
            port=int(listener.getsockname()[1]),
            endpoint_url=cloud.endpoint_url,
            version=version,
        )
    write_whole(paths.page, json.dumps(asdict(page), indent=1))
    _wait_for(page, process, paths)
    return page.address


def page_address(paths: CloudPaths) -> str:
    """The address of the running page; empty without one."""
    page = _running_page(paths)
    return "" if page is None else page.address


def _running_page(paths: CloudPaths) -> _Page | None:
    try:
        page = _Page(**json.loads(paths.page.read_text()))
    except (FileNotFoundError, ValueError):  # ValueError: written in part, by an earlier version
        return None
    return page if page.process() is not None else None


def _wait_for(page: _Page, process: "subprocess.Popen[bytes]", paths: CloudPaths) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{page.address}static/page.css", timeout=2).close()
            return
        time.sleep(0.1)
    process.kill()
    tail = paths.page_log.read_text(errors="replace").splitlines()[-5:]
    raise CloudError(f"the page did not start ({paths.page_log}):\n  " + "\n  ".join(tail))


def _end(page: _Page) -> None:
    process = page.process()
    if process is not None:
        process.terminate()
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(_STOP_SECONDS)


def _version() -> float:
    """Changes when a file of the page's room is changed."""
    files = (ROOT / "page").rglob("*")
    return max(file.stat().st_mtime for file in files if file.suffix in _CODE)


def _without_account() -> dict[str, str]:
    """This environment without anything that leads to an AWS account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return kept | nothing
