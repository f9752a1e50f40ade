"""B7: the templates of the drills hit one environment, end by themselves, and stop at an alarm."""

from typing import Any

import pytest

from infra.config import EPHEMERAL
from infra.fault_injection import STOP_ALARMS
from lambda_src.shared.drills import DRILLS, LOSE_ZONE
from tests.branch_hub.infrastructure.arns import rendered
from tests.branch_hub.infrastructure.iam_request import Request, is_allowed
from tests.infra.templates import SUFFIX, Synthesized, text

TEMPLATE = "AWS::FIS::ExperimentTemplate"
HERE = "us-east-1:000000000000"
OURS = {"aws:ResourceTag/environment-suffix": "dev"}
THEIRS = {"aws:ResourceTag/environment-suffix": "production"}
OF_FIS = {"aws:ResourceTag/managedByFIS": "true"}


@pytest.fixture(scope="module")
def faults() -> Synthesized:
    return Synthesized.drills(SUFFIX)


@pytest.fixture
def templates(faults: Synthesized) -> list[dict[str, Any]]:
    return faults.properties(TEMPLATE)


def of_drill(templates: list[dict[str, Any]], drill: str) -> list[dict[str, Any]]:
    return [t for t in templates if t["Tags"]["drill"] == drill]


def targets(templates: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [
        target
        for template in templates
        for target in template["Targets"].values()
        if target["ResourceType"] == kind
    ]


@pytest.mark.parametrize("drill", DRILLS)
def test_b7_each_drill_is_found_by_its_tags_and_has_a_name(
    templates: list[dict[str, Any]], drill: str
) -> None:
    found = of_drill(templates, drill)

    assert found
    for template in found:
        assert template["Tags"]["environment-suffix"] == "dev"
        assert template["Tags"]["Name"] == f"{drill}-dev"


def test_b7_an_alarm_that_a_promise_is_broken_stops_every_drill(
    templates: list[dict[str, Any]], ephemeral: Synthesized
) -> None:
    """The alarms exist: FIS refuses others. It allows five."""
    alarms = {alarm["AlarmName"] for alarm in ephemeral.properties("AWS::CloudWatch::Alarm")}

    assert {f"{name}-dev" for name in STOP_ALARMS} <= alarms
    for template in templates:
        stops = [text(c["Value"]) for c in template["StopConditions"]]
        assert {c["Source"] for c in template["StopConditions"]} == {"aws:cloudwatch:alarm"}
        assert len(stops) <= 5
        for name in STOP_ALARMS:
            assert any(f":alarm:{name}-dev" in stop for stop in stops), name


def test_b7_a_fault_that_lasts_ends_within_five_minutes(templates: list[dict[str, Any]]) -> None:
    lasting = [
        action["Parameters"]["duration"]
        for template in templates
        for action in template["Actions"].values()
        if action["ActionId"] == "aws:network:disrupt-connectivity"
    ]

    assert set(lasting) == {"PT1M", "PT5M"}


def test_b7_each_zone_can_be_lost_with_its_tasks_its_network_and_its_writer(
    templates: list[dict[str, Any]],
) -> None:
    first, second = of_drill(templates, LOSE_ZONE)

    assert first["Tags"]["zone"] != second["Tags"]["zone"]
    for template in (first, second):
        zone = template["Tags"]["zone"]
        (subnets,) = targets([template], "aws:ec2:subnet")
        (tasks,) = targets([template], "aws:ecs:task")
        (cluster,) = targets([template], "aws:rds:cluster")
        assert subnets["Parameters"] == {"availabilityZoneIdentifier": zone}
        assert tasks["Filters"] == [{"Path": "AvailabilityZone", "Values": [zone]}]
        assert cluster["Parameters"] == {"writerAvailabilityZoneIdentifiers": zone}
        assert {t["SelectionMode"] for t in (subnets, tasks, cluster)} == {"ALL"}


def test_b7_only_a_lost_zone_may_lack_a_target(templates: list[dict[str, Any]]) -> None:
    """The writer may be in the other zone. Any other drill without a target shows nothing."""
    for template in templates:
        mode = template["ExperimentOptions"]["EmptyTargetResolutionMode"]
        assert (mode == "skip") == (template["Tags"]["drill"] == LOSE_ZONE)


def test_b7_every_target_is_in_this_environment(
    templates: list[dict[str, Any]], ephemeral: Synthesized
) -> None:
    service = ephemeral.one("AWS::ECS::Service")["ServiceName"]
    cluster = ephemeral.one("AWS::ECS::Cluster")["ClusterName"]
    database = ephemeral.one("AWS::RDS::DBCluster")["DBClusterIdentifier"]

    for target in targets(templates, "aws:ecs:task"):
        assert target["Parameters"] == {"cluster": cluster, "service": service}
    for target in targets(templates, "aws:ec2:subnet"):
        assert target["ResourceTags"]["environment-suffix"] == "dev"
    for target in targets(templates, "aws:rds:cluster"):
        named = [text(arn) for arn in target.get("ResourceArns", [])]
        tagged = target.get("ResourceTags", {}).get("environment-suffix")
        assert tagged == "dev" or f":cluster:{database}" in named[0]


def test_b7_the_database_alone_is_cut_off(
    templates: list[dict[str, Any]], ephemeral: Synthesized
) -> None:
    """By the tag that CDK gives to its subnets, and to no others."""
    (template,) = of_drill(templates, "cut-database")
    (target,) = targets([template], "aws:ec2:subnet")
    (tag,) = target["ResourceTags"].keys() - SUFFIX.tags().keys()
    group = ephemeral.one("AWS::RDS::DBSubnetGroup")["SubnetIds"]

    cut = [
        {"Ref": logical_id}
        for logical_id, subnet in ephemeral.all("AWS::EC2::Subnet").items()
        if {"Key": tag, "Value": target["ResourceTags"][tag]} in subnet["Properties"]["Tags"]
    ]
    assert cut == group


def test_b7_experiments_are_logged_for_a_week_in_a_group_of_the_stack(
    faults: Synthesized, templates: list[dict[str, Any]]
) -> None:
    logical_id, group = faults.only("AWS::Logs::LogGroup")

    assert group["RetentionInDays"] == 7
    assert faults.resources[logical_id]["DeletionPolicy"] == "Delete"
    for template in templates:
        logs = template["LogConfiguration"]["CloudWatchLogsConfiguration"]
        assert logs == {"LogGroupArn": {"Fn::GetAtt": [logical_id, "Arn"]}}
    (statement,) = group["ResourcePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }


def test_s62_nothing_of_the_drills_is_kept(faults: Synthesized) -> None:
    for logical_id, resource in faults.resources.items():
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            assert resource.get(policy, "Delete") == "Delete", logical_id


def test_s64_only_fis_takes_the_role_and_for_an_experiment_of_this_account(
    faults: Synthesized,
) -> None:
    role = faults.one("AWS::IAM::Role", RoleName="transaction-faults-role-dev")
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]

    assert statement["Principal"] == {"Service": "fis.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"}
    }
    assert ":experiment/*" in text(statement["Condition"]["ArnLike"]["aws:SourceArn"])


@pytest.mark.parametrize(
    ("action", "resource", "context", "expected"),
    [
        ("ecs:StopTask", f"ecs:{HERE}:task/transaction-cluster-dev/0a", {}, True),
        ("ecs:StopTask", f"ecs:{HERE}:task/transaction-cluster-production/0a", {}, False),
        ("rds:FailoverDBCluster", f"rds:{HERE}:cluster:transaction-db-dev", {}, True),
        ("rds:FailoverDBCluster", f"rds:{HERE}:cluster:transaction-db-production", {}, False),
        # A request with filters is for no cluster in particular.
        ("rds:DescribeDBClusters", f"rds:{HERE}:cluster:*", {}, True),
        ("rds:RebootDBInstance", f"rds:{HERE}:db:transaction-db-first-dev", {}, False),
        ("ec2:ReplaceNetworkAclAssociation", f"ec2:{HERE}:subnet/subnet-0a", OURS, True),
        ("ec2:ReplaceNetworkAclAssociation", f"ec2:{HERE}:subnet/subnet-0a", THEIRS, False),
        ("ec2:ReplaceNetworkAclAssociation", f"ec2:{HERE}:subnet/subnet-0a", {}, False),
        ("ec2:CreateNetworkAcl", f"ec2:{HERE}:vpc/vpc-0a", OURS, True),
        ("ec2:CreateNetworkAcl", f"ec2:{HERE}:vpc/vpc-0a", THEIRS, False),
        ("ec2:CreateNetworkAclEntry", f"ec2:{HERE}:network-acl/acl-0a", OF_FIS, True),
        ("ec2:CreateNetworkAclEntry", f"ec2:{HERE}:network-acl/acl-0a", OURS, False),
        ("ec2:DeleteNetworkAcl", f"ec2:{HERE}:network-acl/acl-0a", OF_FIS, True),
        ("ec2:DeleteNetworkAcl", f"ec2:{HERE}:network-acl/acl-0a", {}, False),
        (
            "ec2:CreateTags",
            f"ec2:{HERE}:network-acl/acl-0a",
            {"ec2:CreateAction": "CreateNetworkAcl", "aws:RequestTag/managedByFIS": "true"},
            True,
        ),
        (
            "ec2:CreateTags",
            f"ec2:{HERE}:network-acl/acl-0a",
            {"aws:RequestTag/managedByFIS": "true"},
            False,
        ),
        ("logs:PutResourcePolicy", f"logs:{HERE}:log-group:x", {}, False),
    ],
)
def test_s64_the_role_reaches_this_environment_and_no_other(
    faults: Synthesized, action: str, resource: str, context: dict[str, str], expected: bool
) -> None:
    statements = [
        rendered(s)
        for s in faults.statements_of("transaction-faults-role-dev")
        if "ArnEquals" not in s.get("Condition", {})  # of the listing of tasks
    ]
    request = Request(action=action, resource=f"arn:aws:{resource}", context=context)

    assert is_allowed(statements, request) == expected


def test_s64_the_role_lists_the_tasks_of_its_own_cluster(faults: Synthesized) -> None:
    (statement,) = (
        s
        for s in faults.statements_of("transaction-faults-role-dev")
        if s["Action"] == "ecs:ListTasks"
    )

    assert ":cluster/transaction-cluster-dev" in text(
        statement["Condition"]["ArnEquals"]["ecs:cluster"]
    )


def test_b7_an_environment_has_no_drills_by_default() -> None:
    assert not EPHEMERAL.has_faults
