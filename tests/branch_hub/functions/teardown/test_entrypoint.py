"""B3: the teardown as the destroy machine calls it, from the first step to the verification."""

import time
from typing import Any

import boto3
import pytest

from branch_hub.functions.teardown import entrypoint
from branch_hub.functions.teardown.settings import BranchTeardownSettings
from tests.branch_hub.functions.teardown.conftest import Site
from tests.branch_hub.git_server import REPOSITORY
from tests.patience import PATIENCE_SECONDS


def test_b3_the_teardown_leaves_nothing_of_an_environment(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = BranchTeardownSettings(repository=REPOSITORY, trunk="main")
    for variable, value in settings.to_env().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(boto3, "client", lambda service, **_: site.teardown.clients(service))
    for cached in (entrypoint._teardown, entrypoint._client):
        cached.cache_clear()

    def ask(action: str, **fields: Any) -> dict[str, Any]:
        return entrypoint.handler({"action": action, "suffix": site.suffix, **fields}, None)

    site.account.deploy_environment(site.suffix)
    left = f"/aws/codebuild/transaction-pipeline-{site.suffix}"
    site.account.client("logs").create_log_group(logGroupName=left)
    site.without_runs()

    assert ask("stop") == {"running": 0}
    for stack in ask("find")["stacks"]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while ask("delete", stack=stack)["state"] != "gone":
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert ask("verify")["remains"] == [f"log group {left}"]
    assert ask("sweep", images=[])["removed"] == [f"log group {left}"]
    assert ask("verify")["remains"] == []
    for cached in (entrypoint._teardown, entrypoint._client):
        cached.cache_clear()
