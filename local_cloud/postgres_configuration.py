"""The configuration files of a PostgreSQL server: settings, client access, certificate."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local_cloud.certificates import CertificateFiles
from local_cloud.unprivileged import give
from local_cloud.whole_file import write_whole

# Before its first answer a new session waits for so many seconds. PostgreSQL has this setting for
# its developers; a drill sets it in the running server (drills/cut_off.py).
SILENCE: Final = "pre_auth_delay"

_OWN_SETTINGS: Final = "postgresql.auto.conf"  # ALTER SYSTEM writes this file, too
_SETTINGS: Final = {
    "unix_socket_directories": "",  # the path of a socket is limited; a checkout's may be longer
    "password_encryption": "scram-sha-256",
    "wal_level": "replica",
    "hot_standby": "on",
    "wal_keep_size": "128MB",  # a standby that was away for a moment continues where it was
    "shared_buffers": "64MB",
    # In the data directory: a server that was killed leaves nothing in /dev/shm.
    "dynamic_shared_memory_type": "mmap",
    "max_connections": "100",
    "log_line_prefix": "%m [%p] ",
}


def write_configuration(
    data_dir: Path,
    *,
    address: str,
    port: int,
    certificate: CertificateFiles | None,
    settings: Mapping[str, str],
) -> None:
    """Let the server listen on `address`; with a `certificate`, over TLS only."""
    known = {**_SETTINGS, "listen_addresses": address, "port": str(port)}
    if certificate is not None:
        _copy_private(certificate.certificate_file, data_dir / "server.crt")
        _copy_private(certificate.key_file, data_dir / "server.key")
        known |= {"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}
    known |= settings
    lines = [f"{name} = '{_quoted(value)}'\n" for name, value in known.items()]
    access = "hostssl" if certificate is not None else "host"
    rules = [
        f"{access} {database} all 127.0.0.0/8 scram-sha-256\n"
        for database in ("all", "replication")
    ]
    for name, content in ((_OWN_SETTINGS, lines), ("pg_hba.conf", rules)):
        (data_dir / name).write_text("".join(content))
        give(data_dir / name)


def end_silence(data_dir: Path) -> None:
    """Before a start: a drill that was going on when the server ended cannot end there any more."""
    file = data_dir / _OWN_SETTINGS
    lines = file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(f"{SILENCE} ")]
    if kept != lines:
        write_whole(file, "".join(kept), private=True)
        give(file)


def connection_string(**parameters: str) -> str:
    """libpq's `name='value' ...`."""
    return " ".join(f"{name}={_escaped(value)}" for name, value in parameters.items())


def _copy_private(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o600)
    give(target)


def _escaped(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
