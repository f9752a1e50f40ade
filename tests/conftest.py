"""Fixtures of several folders (PostgreSQL, a local cloud), and which tests share a worker."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from local_cloud.aws import AwsClients
from local_cloud.paths import CloudPaths
from local_cloud.postgres import PostgresServer
from local_cloud.server import running_cloud, start_cloud, stop_cloud
from tests.account import Account
from tests.branch_hub.git_server import GitServer, running_git_server
from tests.memory_folder import use_memory
from tests.own_postgres import own_postgres
from tests.untraced import leave_libraries_untraced

# CDK validates templates at every synth, and starting the validator takes longer than a synth. The
# templates of whole pipelines pass it (tests/delivered.py), and so does every real synth.
os.environ["CDK_VALIDATION"] = "false"

pytest_plugins = ("tests.delivered",)  # its fixtures are used in several folders

_SYNTH_ROOMS = (
    "tests/branch_hub/infrastructure/",
    "tests/checks/test_gates.py",
    "tests/infra/",
    "tests/pipeline/",
    "tests/test_app.py",
)
_OWN_CLOUDS = ("tests/local_cloud/state/", "tests/operations/test_redrive.py")
_EMULATOR = "tests/local_cloud/emulator/"
_BRANCHES = "tests/local_cloud/branches/"
_LONGEST = (
    *_SYNTH_ROOMS,
    _BRANCHES,
    "tests/lambda_src/test_archive_outage.py",
    "tests/lambda_src/test_outage.py",
    "tests/test_function_assets.py",
)
_SHARED_SERVERS = ("postgres_server", "cluster", "account", "shared_cloud")  # fixtures

# The CDK's modules create a million objects that stay: the garbage collector skips them.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


# No deadline per example: its duration depends on the load of the machine.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


_MEMORY_FOLDER = pytest.StashKey[Path | None]()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the files of failed tests until the next run."""
    folder = session.config.stash.get(_MEMORY_FOLDER, None)
    if folder is not None and exitstatus == 0:
        shutil.rmtree(folder)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Tests do not use the developer's own cloud, whatever these variables name."""
    config.stash[_MEMORY_FOLDER] = use_memory()
    leave_libraries_untraced()
    for variable in ("LOCAL_STATE", "LOCAL_CLOUD_PORT", "LOCAL_API_PORT"):
        os.environ.pop(variable, None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share a synth, a deployed stack or a server on one worker."""
    for item in items:
        if (group := _group_of(item)) is not None:
            item.add_marker(pytest.mark.xdist_group(group))
    # The longest groups start first, so that none of them runs alone at the end.
    items.sort(key=lambda item: not item.nodeid.startswith(_LONGEST))


def _group_of(item: pytest.Item) -> str | None:
    if item.nodeid.startswith(_SYNTH_ROOMS):
        return "synth"
    if item.nodeid.startswith(_BRANCHES):
        # Two clouds, each with a hub: with one, its worker would end long after the others.
        return f"branches-{'races' if 'test_races' in item.nodeid else 'commands'}"
    if item.nodeid.startswith(_EMULATOR):
        return "emulator"
    if item.nodeid.startswith(_OWN_CLOUDS):
        return item.nodeid.partition("::")[0]
    used: list[str] = getattr(item, "fixturenames", [])
    return next((server for server in _SHARED_SERVERS if server in used), None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One empty PostgreSQL 15 server per test process."""
    with own_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def shared_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudPaths]:
    """One local cloud per test process. Each test uses names of its own."""
    paths = CloudPaths(tmp_path_factory.mktemp("cloud with space"))
    start_cloud(paths)
    yield paths
    stop_cloud(paths)


@pytest.fixture(scope="session")
def shared_aws(shared_cloud: CloudPaths) -> AwsClients:
    """Clients of the shared cloud."""
    running = running_cloud(shared_cloud)
    assert running is not None
    return AwsClients(running.endpoint_url)


@pytest.fixture(scope="session")
def account(shared_aws: AwsClients) -> Account:
    """The account of the shared cloud."""
    return Account(shared_aws.endpoint_url)


@pytest.fixture(scope="session")
def _git_server() -> Iterator[GitServer]:
    with running_git_server() as server:
        yield server


@pytest.fixture
def git(_git_server: GitServer) -> GitServer:
    """The git host without branches, refusing nothing."""
    url = _git_server.url
    vars(_git_server).update(vars(GitServer()), url=url)
    return _git_server
