"""Starts and stops the local cloud's server process in the background."""

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import psutil

from local_cloud.leftovers import remove_leftovers, remove_passing
from local_cloud.paths import RESUMED_PATH, ROOT, STATE_MARK, CloudPaths
from local_cloud.saved_state import StateError, read_version, write_version
from local_cloud.whole_file import write_whole

_START_TIMEOUT_SECONDS = 60
_STOP_TIMEOUT_SECONDS = 45
_LEFTOVERS_SECONDS = 0.5
_LEFT_DATABASES_SECONDS = 3
_PREFERRED_PORT = 4566
_DEFAULT_API_PORT = 8443


class CloudError(Exception):
    """A command failed; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class RunningCloud:
    """The server process of one state folder."""

    pid: int
    started_epoch_seconds: float
    port: int
    api_port: int

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_alive(self) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            # The system reuses process ids: the start time must be the same too.
            is_same = abs(process.create_time() - self.started_epoch_seconds) < 2
            return is_same and process.status() != psutil.STATUS_ZOMBIE
        return False


def running_cloud(paths: CloudPaths) -> RunningCloud | None:
    """The server of this state folder, if it is alive."""
    try:
        cloud = RunningCloud(**json.loads(paths.server.read_text()))
    except (FileNotFoundError, ValueError):  # ValueError: written in part, by an earlier version
        return None
    return cloud if cloud.is_alive() else None


def start_cloud(paths: CloudPaths, *, port: int | None = None) -> RunningCloud:
    """Start the server, or return the running one. Raises CloudError.

    `port`: where it listens, instead of LOCAL_CLOUD_PORT or a default. 0: on any free port.
    """
    running = running_cloud(paths)
    if running is not None:
        _wait_until_resumed(running)
        return running
    end_leftovers(paths)
    saved_port = _keep_or_remove(paths)
    paths.state.mkdir(parents=True, exist_ok=True)
    api_port = _port_from("LOCAL_API_PORT") or _DEFAULT_API_PORT
    # The server inherits the bound socket: no other program can take the port in between.
    with _listening_socket(port, saved_port) as listener, paths.server_log.open("ab") as log:
        bound = int(listener.getsockname()[1])
        write_version(paths.saved_version, port=bound)
        process = subprocess.Popen(
            [
                sys.executable, "-m", "local_cloud.emulator",
                "--state", str(paths.state), "--port", str(bound), "--api-port", str(api_port),
                "--listener", str(listener.fileno()),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[listener.fileno()],
            env={**os.environ, STATE_MARK: str(paths.state)},
        )  # fmt: skip
    cloud = RunningCloud(
        pid=process.pid,
        started_epoch_seconds=psutil.Process(process.pid).create_time(),
        port=bound,
        api_port=api_port,
    )
    write_whole(paths.server, json.dumps(asdict(cloud), indent=1))
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while not _answers(cloud):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            tail = paths.server_log.read_text(errors="replace").splitlines()[-10:]
            raise CloudError("the local cloud did not start:\n  " + "\n  ".join(tail))
        time.sleep(0.1)
    _wait_until_resumed(cloud)
    return cloud


def stop_cloud(paths: CloudPaths) -> bool:
    """Stop the server and everything that it started; its state stays.

    True if something was running.
    """
    running = running_cloud(paths)
    if running is not None:
        process = psutil.Process(running.pid)
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(_STOP_TIMEOUT_SECONDS)
    leftovers = end_leftovers(paths)
    paths.server.unlink(missing_ok=True)
    return running is not None or leftovers > 0


def end_leftovers(paths: CloudPaths) -> int:
    """End processes of this state folder whose server has ended; returns their number.

    A process of the state folder has a variable in its environment, or, as PostgreSQL has none, a
    file of the server's folder on its command line. No other process is ended.
    """
    # The shell or the program that runs this command may name a file of the folder, too.
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    mine = [p for p in psutil.process_iter() if p.pid not in own and _belongs(p, paths)]
    databases = [process for process in mine if _is_database(process)]
    # Sessions of a database run on for a moment when their server is dead.
    sessions = {child for process in databases for child in _descendants(process)}
    others = {*mine} - {*databases}
    for process in mine:
        with contextlib.suppress(psutil.NoSuchProcess):
            # At SIGTERM PostgreSQL waits for its sessions; after SIGQUIT it recovers at its start.
            process.send_signal(signal.SIGQUIT if process in databases else signal.SIGTERM)
    # Nobody waits for what the others still do.
    _end([*others], timeout_seconds=_LEFTOVERS_SECONDS)
    _end([*databases, *sessions], timeout_seconds=_LEFT_DATABASES_SECONDS)
    return len(mine)


@contextlib.contextmanager
def exclusive(paths: CloudPaths, name: str, *, busy: str) -> Iterator[None]:
    """Hold a lock of the state folder. Raises CloudError(`busy`) when another process holds it."""
    paths.state.mkdir(parents=True, exist_ok=True)
    with (paths.state / f"{name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CloudError(busy) from error
        yield


def _belongs(process: psutil.Process, paths: CloudPaths) -> bool:
    # Not a longer path that ends so, nor a neighbour such as `cloud.log`.
    ours = re.compile(rf"(?<![\w./-]){re.escape(str(paths.cloud))}(?![\w.-])")
    with contextlib.suppress(psutil.Error):
        if any(ours.search(argument) for argument in process.cmdline()):
            return True
        return process.environ().get(STATE_MARK) == str(paths.state)
    return False


def _end(processes: list[psutil.Process], *, timeout_seconds: float) -> None:
    """Wait until they have ended; kill those that have not."""
    _, alive = psutil.wait_procs(processes, timeout=timeout_seconds)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=10)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def _is_database(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.name() == "postgres"
    return False


def _keep_or_remove(paths: CloudPaths) -> int | None:
    """Prepare the state folder; returns the port that saved state needs. Raises CloudError."""
    try:
        saved = read_version(paths.saved_version)
    except StateError as error:
        raise CloudError(str(error)) from error
    if saved is None:
        remove_leftovers(paths)
        return None
    remove_passing(paths)
    return int(saved["port"])


def _listening_socket(chosen: int | None, saved: int | None) -> socket.socket:
    """`saved` is in the addresses of saved queues and functions: there is no other choice then."""
    if saved is not None:
        wanted = _port_from("LOCAL_CLOUD_PORT") if chosen is None else chosen
        if wanted not in {None, 0, saved}:
            raise CloudError(
                f"port {wanted} (LOCAL_CLOUD_PORT): the saved state contains addresses with port "
                f"{saved}: choose that, or `make clean`, which deletes all environments"
            )
        return listening_socket(
            _PREFERRED_PORT, variable="LOCAL_CLOUD_PORT", chosen=saved,
            otherwise="The saved state contains addresses with this port: `make clean` deletes it "
            "with all environments; after that the port can be chosen",
        )  # fmt: skip
    return listening_socket(_PREFERRED_PORT, variable="LOCAL_CLOUD_PORT", chosen=chosen)


def listening_socket(
    preferred: int,
    *,
    variable: str,
    chosen: int | None = None,
    otherwise: str = "Or choose another port",
) -> socket.socket:
    """At the port of `variable` or `chosen`; without both at `preferred` or any free one.

    `otherwise`: what else a person can do when it is taken. Raises CloudError.
    """
    wanted = _port_from(variable) if chosen is None else chosen
    for port in (wanted,) if wanted is not None else (preferred, 0):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            # Two programs may bind a port with SO_REUSEADDR; only one of them may listen on it.
            listener.listen()
        except OSError:
            listener.close()
        else:
            return listener
    raise CloudError(
        f"port {wanted} ({variable}) is taken: stop the program that listens there "
        f"(`ss -ltnp 'sport = :{wanted}'`). {otherwise}"
    )


def _port_from(variable: str) -> int | None:
    text = os.environ.get(variable)
    if not text:
        return None
    if not text.isdigit() or not 1024 <= int(text) <= 65535:
        raise CloudError(f"{variable}={text!r}: expected a port number from 1024 to 65535")
    return int(text)


def _wait_until_resumed(cloud: RunningCloud) -> None:
    """Until the environments of the saved state serve again. Raises CloudError."""
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{cloud.endpoint_url}{RESUMED_PATH}", timeout=5) as answer:
                if json.load(answer)["resumed"]:
                    return
        except urllib.error.HTTPError as error:
            raise CloudError(
                f"the saved state was not started again: {json.load(error)['problem']}; "
                "`make down` and `make up` try it again, `make clean` deletes it"
            ) from error
        except OSError:  # it starts just now, or is too busy to answer
            pass
        time.sleep(0.05)
    raise CloudError(f"the saved state was not started again in {_START_TIMEOUT_SECONDS} s")


def _answers(cloud: RunningCloud) -> bool:
    try:
        with urllib.request.urlopen(f"{cloud.endpoint_url}/_ministack/health", timeout=1):
            return True
    except OSError:
        return False
