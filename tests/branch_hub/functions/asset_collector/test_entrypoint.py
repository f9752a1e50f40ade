"""The asset collector as the schedule calls it."""

import boto3
import pytest

from branch_hub.functions.asset_collector import entrypoint
from branch_hub.functions.asset_collector.settings import AssetCollectorSettings
from tests.account import Account
from tests.branch_hub.functions.asset_collector.conftest import OF_BRANCHES, Site
from tests.branch_hub.git_server import REPOSITORY


def test_the_function_reports_what_it_would_delete(
    account: Account, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = AssetCollectorSettings(
        repository=REPOSITORY,
        branch_table_name=account.create_table(),
        notices_topic_arn=site.collector.topic_arn,
        branch_repository_name=OF_BRANCHES,
        kept_days=30,
    )
    for variable, value in settings.to_env().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(boto3, "client", lambda service, **_: account.client(service))
    monkeypatch.setattr(boto3, "resource", lambda service, **_: account.resource(service))
    entrypoint._collector.cache_clear()
    site.object()

    answer = entrypoint.handler({"apply": False}, None)

    entrypoint._collector.cache_clear()
    assert answer["isolated"] > 0
    assert (answer["due"], answer["applied"]) == (0, False)
