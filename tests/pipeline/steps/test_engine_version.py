"""S20: AWS withdraws minor versions; the synth then uses the lowest newer one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from infra.errors import ConfigurationError
from pipeline.delivery_settings import DeliverySettings
from pipeline.steps.engine_version import ACTION, creatable_version, main
from tests.delivered import Delivered
from tests.infra.context import CDK_JSON

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

ASKED = {"Engine": "aurora-postgresql", "DBInstanceClass": "db.serverless"}


@pytest.fixture
def rds() -> "RDSClient":
    return boto3.client(
        "rds", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


@pytest.fixture
def aws(rds: "RDSClient") -> Iterator[Stubber]:
    with Stubber(rds) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def offer(aws: Stubber, *versions: str) -> None:
    """AWS answers in pages, with one entry for each zone group of a version."""
    middle = len(versions) // 2
    options = [[{"EngineVersion": v} for v in part] for part in (versions[:middle], versions)]
    aws.add_response(
        "describe_orderable_db_instance_options",
        {"OrderableDBInstanceOptions": options[0], "Marker": "more"},
        ASKED,
    )
    aws.add_response(
        "describe_orderable_db_instance_options",
        {"OrderableDBInstanceOptions": options[1]},
        {**ASKED, "Marker": "more"},
    )


def test_s20_a_version_that_aws_creates_is_taken(rds: "RDSClient", aws: Stubber) -> None:
    offer(aws, "14.9", "15.8", "15.10")

    assert creatable_version(rds, "15.8").version == "15.8"


def test_s20_a_withdrawn_version_becomes_the_lowest_newer_one(
    rds: "RDSClient", aws: Stubber
) -> None:
    """Compared as numbers: as text, 15.12 would sort before 15.9."""
    offer(aws, "15.12", "16.1", "15.10", "15.7", "limitless-15.9", "15.13")

    answer = creatable_version(rds, "15.8")

    assert answer.version == "15.10"
    assert "15.8 was requested" in answer.line


def test_s20_without_a_newer_minor_version_there_is_a_clear_error(
    rds: "RDSClient", aws: Stubber
) -> None:
    offer(aws, "15.7", "16.1")

    with pytest.raises(ConfigurationError, match=r"auroraEngineVersion is '15.8'.* newer 15.x"):
        creatable_version(rds, "15.8")


def test_if_no_version_is_listed_the_requested_one_is_used(rds: "RDSClient", aws: Stubber) -> None:
    offer(aws)

    assert creatable_version(rds, "15.8").version == "15.8"


def test_if_aws_does_not_answer_the_requested_version_is_used(
    rds: "RDSClient", aws: Stubber
) -> None:
    aws.add_client_error("describe_orderable_db_instance_options", "Throttling")

    answer = creatable_version(rds, "15.8")

    assert answer.version == "15.8"
    assert "Throttling" in answer.line


def test_the_version_is_written_to_the_log_and_to_the_context_of_the_synth(
    rds: "RDSClient", aws: Stubber, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cdk.context.json"
    for _ in range(2):  # a second run keeps what the file holds
        offer(aws, "15.10")
        main(["15.8"], rds=rds, file=file)
        written = json.loads(file.read_text())
        assert written["creatableEngineVersion"] == "15.10"
        file.write_text(json.dumps({**written, "other": 1}))

    assert json.loads(file.read_text())["other"] == 1
    assert "15.10: 15.8 was requested, but AWS no longer creates it" in capsys.readouterr().out


def test_without_a_version_the_build_ends_with_one_line(
    rds: "RDSClient", aws: Stubber, tmp_path: Path
) -> None:
    offer(aws, "15.7")

    with pytest.raises(SystemExit, match=r"^error: auroraEngineVersion is '15.8'"):
        main(["15.8"], rds=rds, file=tmp_path / "cdk.context.json")

    assert not list(tmp_path.iterdir())


def settings(**context: str) -> DeliverySettings:
    return DeliverySettings.from_context(
        {**CDK_JSON, "promotion": "environment", **context}.get, defaults=CDK_JSON
    )


def test_s6_the_answer_of_aws_does_not_replace_the_requested_version() -> None:
    """The pipeline asks again in every run: its definition holds no answer."""
    asked, answered = settings(), settings(creatableEngineVersion="15.10")

    assert answered.synth_commands() == asked.synth_commands()


@pytest.mark.parametrize(
    ("context", "asked_for"), [({}, "15.8"), ({"auroraEngineVersion": "15.9"}, "15.9")]
)
def test_s20_each_run_requests_the_version_of_its_context(
    context: dict[str, str], asked_for: str
) -> None:
    assert (
        settings(**context).synth_commands()[0] == f"make engine-version ENGINE_VERSION={asked_for}"
    )


def test_s20_s64_the_synth_may_only_list_the_versions(delivered: Delivered) -> None:
    project = delivered.project("Build", "Synth")
    role = delivered.pipeline.resources[project["ServiceRole"]["Fn::GetAtt"][0]]
    statements = [
        s
        for policy in delivered.pipeline.properties("AWS::IAM::Policy")
        if {"Ref": project["ServiceRole"]["Fn::GetAtt"][0]} in policy["Roles"]
        for s in policy["PolicyDocument"]["Statement"]
        if "rds:" in json.dumps(s)
    ]

    assert role["Type"] == "AWS::IAM::Role"
    assert statements == [{"Action": ACTION, "Effect": "Allow", "Resource": "*"}]
