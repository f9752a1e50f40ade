"""The retry of pipelines may read the logs of asset builds, where they are, and no others."""

import pytest

from branch_hub.functions.pipeline_retry.build_log import GROUPS, STAGE, STREAMS
from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB
from tests.branch_hub.infrastructure.iam import Role
from tests.delivered import Delivered
from tests.infra.templates import Synthesized

LOGS = "arn:aws:logs:us-east-1:000000000000:log-group:"


@pytest.fixture
def retry(hub: Synthesized) -> Role:
    return Role.of(hub, f"pipeline-retry-role-{CODECOMMIT_HUB}")


def test_the_asset_builds_of_a_pipeline_log_where_the_retry_looks(
    delivered: Delivered, retry: Role
) -> None:
    pipeline = delivered.pipeline
    name = pipeline.one("AWS::CodePipeline::Pipeline")["Name"]
    for action in delivered.stages[STAGE]:
        written = delivered.project(STAGE, action["Name"])["LogsConfig"]["CloudWatchLogs"]
        group = pipeline.resources[written["GroupName"]["Ref"]]["Properties"]["LogGroupName"]

        assert (group, f"{written['StreamName']}/") == (f"{GROUPS}{name}", STREAMS)
        assert retry.may("logs:GetLogEvents", f"{LOGS}{group}:log-stream:{STREAMS}0a1b2c3d")


@pytest.mark.parametrize(
    "stream",
    [
        f"{GROUPS}transaction-pipeline-x-abcdef:log-stream:synth/0a1b2c3d",
        f"{GROUPS}payroll:log-stream:assets/0a1b2c3d",
        "/ecs/transaction-service-production:log-stream:service/0a1b2c3d",
    ],
)
def test_s64_no_other_log_is_read(retry: Role, stream: str) -> None:
    assert not retry.may("logs:GetLogEvents", f"{LOGS}{stream}")
