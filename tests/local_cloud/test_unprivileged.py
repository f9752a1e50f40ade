"""For root, PostgreSQL runs as another user, also with the capabilities of a container."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_cloud import postgres
from local_cloud.unprivileged import may_trace_others

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can start a program as another user"
)

# Docker's default capabilities of root: the mask 00000000a80425fb.
DOCKERS_DEFAULT = Path(__file__).with_name("docker_capabilities.txt").read_text().split()
PRINTS_WHY_NOT = """
from local_cloud.unprivileged import CannotChangeUser, unprivileged
try:
    unprivileged()
except CannotChangeUser as error:
    print(error)
"""
STARTS_A_SERVER = """
import sys
from pathlib import Path
from local_cloud import postgres
from local_cloud.addresses import free_port
postgres._NATIVE = Path(sys.argv[1], "native")
server = postgres.PostgresServer(
    data_dir=Path(sys.argv[1], "data"), address="127.0.0.1", port=free_port("127.0.0.1"),
    password="test",
)
server.initialize()
server.start()
user = Path(f"/proc/{server.process.pid}").stat().st_uid
server.stop()
print("user", user)
"""


@pytest.mark.parametrize("capabilities", [["all"], DOCKERS_DEFAULT], ids=["host", "container"])
def test_a_checkout_that_other_users_cannot_enter_works(
    tmp_path: Path, capabilities: list[str]
) -> None:
    """Such as below /root: file permissions allow PostgreSQL's user neither programs nor data."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "native").symlink_to(postgres._NATIVE.resolve())
    done = as_root_with(",".join(["-all", *(f"+{name}" for name in capabilities)]),
                        STARTS_A_SERVER, str(closed))  # fmt: skip
    assert done.stdout.split() == ["user", "65534"], done.stderr


@pytest.mark.parametrize("missing", [["setpcap"], ["setgid", "setuid"]])
def test_missing_capabilities_are_named(
    missing: list[str],
) -> None:
    done = as_root_with(",".join(f"-{name}" for name in missing), PRINTS_WHY_NOT)
    names = ", ".join(f"CAP_{name.upper()}" for name in missing)
    assert f"the capabilities {names} are missing; run as an ordinary user" in done.stdout


def as_root_with(
    bounding_set: str, program: str, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["setpriv", "--inh-caps=-all", f"--bounding-set={bounding_set}",
         sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mask", "may"),
    [("000001fffeffffff", True), ("00000000a80425fb", False)],
    ids=["root", "root of a container"],
)
def test_who_may_trace_processes_of_others(tmp_path: Path, mask: str, may: bool) -> None:
    status = tmp_path / "status"
    status.write_text(f"CapPrm:\t{mask}\nCapBnd:\t{mask}\n")
    assert may_trace_others(status) is may
