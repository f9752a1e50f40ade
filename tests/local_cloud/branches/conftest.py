"""One local cloud for all tests of branches: a server, a git host, and the branch hub in it."""

from collections.abc import Iterator

import pytest

from local_cloud.aws import AwsClients
from local_cloud.git_host import GitHost
from local_cloud.paths import CloudPaths
from local_cloud.server import start_cloud, stop_cloud
from tests.local_cloud.branches.cloud import Cloud
from tests.local_cloud.branches.hub import Branches, deploy_hub


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("branches")
    paths = CloudPaths(folder / "state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFN_WAIT_SCALE", "0.005")
        patch.delenv("LOCAL_CLOUD_PORT", raising=False)
        running = start_cloud(paths)
    git = GitHost(paths.repository, state=paths.state)
    git.ensure()
    checkout = folder / "checkout"
    checkout.mkdir()
    cloud = Cloud(
        paths=paths,
        running=running,
        aws=AwsClients(running.endpoint_url),
        git=git,
        checkout=checkout,
    )
    cloud.run_git("init", "--quiet", "--initial-branch=main")
    cloud.push("main")
    yield cloud
    stop_cloud(paths)


@pytest.fixture(scope="session")
def branches(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Branches:
    return Branches(cloud=cloud, hub=deploy_hub(cloud, tmp_path_factory.mktemp("hub")))
