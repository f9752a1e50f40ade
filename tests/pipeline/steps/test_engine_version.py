"""S20: a new database gets a version that AWS creates; a live one keeps its version."""

import json
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from infra.config import PRODUCTION, STAGING
from infra.errors import ConfigurationError
from pipeline.delivery_settings import DeliverySettings
from pipeline.steps.engine_version import (
    LISTS_VERSIONS,
    READS_DEPLOYED,
    Choice,
    Cluster,
    choose,
    creatable_version,
    main,
)
from tests.delivered import Delivered
from tests.infra.context import CDK_JSON

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

CLUSTER = Cluster(name="transaction-db-staging")
LOOKUP_ROLE = "arn:aws:iam::222222222222:role/cdk-hnb659fds-lookup-role-222222222222-us-east-1"
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
    assert "15.8 was requested" in answer.reason


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
    assert "Throttling" in answer.reason


def deploy(aws: Stubber, version: str | None) -> None:
    """The answer of AWS for the cluster; `None`: it does not exist."""
    asked = {"DBClusterIdentifier": CLUSTER.name}
    if version is None:
        aws.add_client_error(
            "describe_db_clusters", "DBClusterNotFoundFault", expected_params=asked
        )
    else:
        aws.add_response(
            "describe_db_clusters", {"DBClusters": [{"EngineVersion": version}]}, asked
        )


def chosen(rds: "RDSClient", requested: str | None) -> Choice:
    return choose(CLUSTER, rds, requested=requested, default="15.8", creates=rds)


def test_s20_a_new_database_gets_the_version_that_aws_creates(
    rds: "RDSClient", aws: Stubber
) -> None:
    deploy(aws, None)
    offer(aws, "15.10", "15.12")

    assert chosen(rds, None).version == "15.10"


@pytest.mark.parametrize(
    ("deployed", "requested"),
    [
        ("15.10", None),  # a newer default in a push, or an older one that AWS has withdrawn
        ("15.10", "15.10"),
        ("15.12", "15.10"),  # AWS upgraded it
        ("16.4", "15.10"),
    ],
)
def test_s20_a_live_database_keeps_its_version(
    rds: "RDSClient", aws: Stubber, deployed: str, requested: str | None
) -> None:
    """Nobody asks which versions AWS creates: the answer must not change a live database."""
    deploy(aws, deployed)

    assert chosen(rds, requested).version == deployed


def let_upgrade(aws: Stubber, deployed: str, *targets: str) -> None:
    aws.add_response(
        "describe_db_engine_versions",
        {"DBEngineVersions": [{"ValidUpgradeTarget": [{"EngineVersion": t} for t in targets]}]},
        # By default AWS leaves out the versions that it no longer creates.
        {"Engine": "aurora-postgresql", "EngineVersion": deployed, "IncludeAll": True},
    )


def test_s20_a_person_upgrades_a_live_database(rds: "RDSClient", aws: Stubber) -> None:
    deploy(aws, "15.8")
    let_upgrade(aws, "15.8", "15.10", "16.4")

    choice = chosen(rds, "15.10")

    assert choice.version == "15.10"
    assert "upgrade from 15.8" in choice.reason


def test_s20_an_upgrade_that_aws_does_not_offer_is_refused(rds: "RDSClient", aws: Stubber) -> None:
    """Another version than the requested one would be an upgrade that nobody asked for."""
    deploy(aws, "15.8")
    let_upgrade(aws, "15.8", "15.12", "15.10")

    with pytest.raises(
        ConfigurationError, match=r"'15.9': .*-staging from 15.8 .* set one of 15.10, 15.12"
    ):
        chosen(rds, "15.9")


def test_s20_an_upgrade_from_a_version_that_aws_does_not_know_is_one_line(
    rds: "RDSClient", aws: Stubber
) -> None:
    deploy(aws, "15.8")
    aws.add_response("describe_db_engine_versions", {"DBEngineVersions": []})

    with pytest.raises(ConfigurationError, match=r"set one of \(none\)"):
        chosen(rds, "15.9")


def test_s20_an_upgrade_that_cannot_be_checked_is_refused(rds: "RDSClient", aws: Stubber) -> None:
    deploy(aws, "15.8")
    aws.add_client_error("describe_db_engine_versions", "Throttling")

    with pytest.raises(ConfigurationError, match=r"unknown to which versions .* can be upgraded"):
        chosen(rds, "15.9")


def test_s20_without_knowing_what_is_deployed_nothing_is_synthesized(
    rds: "RDSClient", aws: Stubber
) -> None:
    aws.add_client_error("describe_db_clusters", "AccessDenied")

    with pytest.raises(ConfigurationError, match=r"unknown which version transaction-db-staging"):
        chosen(rds, None)


def test_the_versions_are_written_to_the_log_and_to_the_context_of_the_synth(
    rds: "RDSClient", aws: Stubber, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cdk.context.json"
    for _ in range(2):  # a second run keeps what the file holds
        deploy(aws, None)
        offer(aws, "15.10")
        main(["--default", "15.8", CLUSTER.name], connect=lambda _: rds, file=file)
        written = json.loads(file.read_text())
        assert written["engineVersions"] == {CLUSTER.name: "15.10"}
        file.write_text(json.dumps({**written, "other": 1}))

    assert json.loads(file.read_text())["other"] == 1
    assert "15.10: 15.8 was requested, but AWS no longer creates it" in capsys.readouterr().out


def test_without_a_version_the_build_ends_with_one_line(
    rds: "RDSClient", aws: Stubber, tmp_path: Path
) -> None:
    deploy(aws, None)
    offer(aws, "15.7")

    with pytest.raises(SystemExit, match=r"^error: auroraEngineVersion is '15.8'"):
        main(
            ["--default", "15.8", CLUSTER.name],
            connect=lambda _: rds,
            file=tmp_path / "cdk.context.json",
        )

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("role_arn", [None, LOOKUP_ROLE])
def test_the_module_is_a_program_that_says_when_aws_does_not_answer(
    role_arn: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    cluster = Cluster(name=CLUSTER.name, role_arn=role_arn)
    monkeypatch.setattr("sys.argv", ["", "--default", "15.8", cluster.to_argument()])

    with (
        pytest.warns(RuntimeWarning, match="engine_version"),
        pytest.raises(SystemExit, match=r"^error: it is unknown which version transaction-db-"),
    ):
        runpy.run_module("pipeline.steps.engine_version", run_name="__main__")


def test_s20_a_database_of_another_account_is_read_with_the_credentials_of_its_role(
    rds: "RDSClient", aws: Stubber, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[dict[str, str]] = []

    class Sts:
        def assume_role(self, **asked: str) -> dict[str, dict[str, str]]:
            assert asked["RoleArn"] == LOOKUP_ROLE
            return {
                "Credentials": {
                    "AccessKeyId": "there", "SecretAccessKey": "s", "SessionToken": "t"
                }
            }  # fmt: skip

    def client(service: str, config: object, **credentials: str) -> object:
        if service == "sts":
            return Sts()
        opened.append(credentials)
        return rds

    monkeypatch.setattr("pipeline.steps.engine_version.boto3.client", client)
    deploy(aws, "15.10")
    cluster = Cluster(name=CLUSTER.name, role_arn=LOOKUP_ROLE)

    main(["--default", "15.8", cluster.to_argument()], file=tmp_path / "cdk.context.json")

    # The second one asks which versions AWS creates: every account may ask that.
    assert opened == [
        {
            "aws_access_key_id": "there", "aws_secret_access_key": "s", "aws_session_token": "t"
        },
        {},
    ]  # fmt: skip


def settings(**context: object) -> DeliverySettings:
    trial = {"productionCertificate": "self-signed"}
    return DeliverySettings.from_context({**CDK_JSON, **trial, **context}.get, defaults=CDK_JSON)


def test_s6_the_answer_of_aws_does_not_replace_the_requested_version() -> None:
    """The pipeline asks again in every run: its definition holds no answer."""
    asked, answered = settings(), settings(engineVersions={"transaction-db-staging": "15.10"})

    assert answered.synth_commands() == asked.synth_commands()


def test_s20_each_environment_gets_the_version_of_its_own_database() -> None:
    place = settings(engineVersions={"transaction-db-staging": "15.10"})

    assert place.adjust(STAGING).database.engine_version == "15.10"
    assert place.adjust(PRODUCTION).database.engine_version == "15.8"


@pytest.mark.parametrize(
    "value", [{"transaction-db-x": "16"}, {"transaction-db-x": None}, ["15.8"]]
)
def test_s68_another_form_of_the_versions_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match="engineVersions"):
        settings(engineVersions=value)


def options(command: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in shlex.split(command)[2:])


def test_s20_each_run_asks_for_the_databases_of_its_environments() -> None:
    trunk = options(settings(auroraEngineVersion="15.9").synth_commands()[0])
    branch = options(settings(branch="feature/x").synth_commands()[0])

    assert trunk["CLUSTERS"].split() == ["transaction-db-staging", "transaction-db-production"]
    assert trunk["ENGINE_VERSION"] == "15.9"
    assert branch == {"CLUSTERS": "transaction-db-feature-x-5femoa", "DEFAULT_VERSION": "15.8"}


def test_s20_a_database_in_another_account_is_read_with_its_lookup_role() -> None:
    place = settings(account="111111111111", productionAccount="222222222222")

    assert [Cluster.parse(c.to_argument()) for c in place.clusters] == [
        Cluster(name="transaction-db-staging"),
        Cluster(name="transaction-db-production", role_arn=LOOKUP_ROLE),
    ]


def test_s20_s64_the_synth_may_only_list_versions_and_read_its_own_cluster(
    delivered: Delivered,
) -> None:
    permissions = delivered.permissions("Build", "Synth")

    assert {action: on for action, on in permissions.items() if action.startswith("rds:")} == {
        **{action: ["*"] for action in LISTS_VERSIONS},
        READS_DEPLOYED: [
            "arn:aws:rds:us-east-1:000000000000:cluster:transaction-db-feature-x-5femoa"
        ],
    }


def test_s20_s64_the_synth_assumes_the_lookup_role_of_the_production_account(
    across_accounts: Delivered,
) -> None:
    assert across_accounts.permissions("Build", "Synth")["sts:AssumeRole"] == [LOOKUP_ROLE]
