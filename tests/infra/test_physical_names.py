"""S60, B4: every physical name of the synthesized template, for any branch."""

import json
import re
from typing import Any

from hypothesis import assume, given

from infra.naming import EnvironmentSuffix
from tests.infra.templates import LONGEST, Synthesized, text
from tests.infra.test_naming import BRANCHES

# The limits that each service documents for the API that creates the resource.
_WORDS = r"[a-z](?!.*--)[a-z0-9-]*[a-z0-9]"
RULES: dict[tuple[str, str], tuple[int, str]] = {
    ("AWS::CloudWatch::Alarm", "AlarmName"): (255, r"[^\x00-\x1f]+"),
    ("AWS::CloudWatch::CompositeAlarm", "AlarmName"): (255, r"[^\x00-\x1f]+"),
    ("AWS::CloudWatch::Dashboard", "DashboardName"): (255, r"[A-Za-z0-9_-]+"),
    ("AWS::DynamoDB::Table", "TableName"): (255, r"[A-Za-z0-9_.-]{3,}"),
    ("AWS::EC2::SecurityGroup", "GroupName"): (255, r"(?!sg-)[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]+"),
    ("AWS::ECS::Cluster", "ClusterName"): (255, r"[A-Za-z0-9_-]+"),
    ("AWS::ECS::Service", "ServiceName"): (255, r"[A-Za-z0-9_-]+"),
    ("AWS::ECS::TaskDefinition", "Family"): (255, r"[A-Za-z0-9_-]+"),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "Name"): (
        32,
        r"(?!internal-)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?",
    ),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "Name"): (
        32,
        r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?",
    ),
    ("AWS::Events::EventBus", "Name"): (256, r"(?!aws\.)[A-Za-z0-9/_.-]+"),
    ("AWS::Events::Rule", "Name"): (64, r"[A-Za-z0-9_.-]+"),
    ("AWS::IAM::Role", "RoleName"): (64, r"[\w+=,.@-]+"),
    ("AWS::KMS::Alias", "AliasName"): (256, r"alias/(?!aws/)[A-Za-z0-9/_-]+"),
    ("AWS::Lambda::Function", "FunctionName"): (64, r"[A-Za-z0-9_-]+"),
    ("AWS::Logs::LogGroup", "LogGroupName"): (512, r"[A-Za-z0-9_/.#-]+"),
    ("AWS::Logs::MetricFilter", "FilterName"): (512, r"[^:*]+"),
    ("AWS::Logs::QueryDefinition", "Name"): (255, r"[A-Za-z0-9_/ -]+"),
    ("AWS::Logs::ResourcePolicy", "PolicyName"): (512, r"[^:*]+"),
    ("AWS::RDS::DBCluster", "DBClusterIdentifier"): (63, _WORDS),
    ("AWS::RDS::DBClusterParameterGroup", "DBClusterParameterGroupName"): (255, _WORDS),
    ("AWS::RDS::DBInstance", "DBInstanceIdentifier"): (63, _WORDS),
    ("AWS::RDS::DBSubnetGroup", "DBSubnetGroupName"): (255, r"(?!default$)[a-z][a-z0-9 _.-]*"),
    ("AWS::S3::Bucket", "BucketName"): (63, r"(?!xn--)[a-z0-9](?!.*\.\.)[a-z0-9.-]+[a-z0-9]"),
    ("AWS::SNS::Topic", "TopicName"): (256, r"[A-Za-z0-9_-]+"),
    ("AWS::SQS::Queue", "QueueName"): (80, r"[A-Za-z0-9_-]+"),
    ("AWS::SecretsManager::Secret", "Name"): (512, r"[A-Za-z0-9/_+=.@-]+"),
    ("AWS::WAFv2::WebACL", "Name"): (128, r"[A-Za-z0-9_-]+"),
}
# Properties that name something else, or that hold the id of a policy in a role.
NOT_NAMES = {
    ("AWS::ApplicationAutoScaling::ScalingPolicy", "PolicyName"),
    ("AWS::CloudWatch::Alarm", "MetricName"),
    ("AWS::Events::EventBus", "KmsKeyIdentifier"),
    ("AWS::IAM::Policy", "PolicyName"),
    ("AWS::RDS::DBCluster", "DatabaseName"),
    ("AWS::RDS::DBClusterParameterGroup", "Family"),
    ("AWS::RDS::DBInstance", "CACertificateIdentifier"),
}
_NAMING = re.compile(r"(^Name|Name|Identifier|Family)$")


def names(stack: Synthesized) -> dict[tuple[str, str], str]:
    """{(logical id, property): physical name}, with a real account where a name holds it."""
    return {
        (logical_id, key): name
        for logical_id, resource in stack.resources.items()
        for key, value in resource.get("Properties", {}).items()
        if _NAMING.search(key) and (resource["Type"], key) not in NOT_NAMES
        if (name := literal(value)) is not None
    }


def literal(value: Any) -> str | None:
    """The string to which CloudFormation resolves `value`; None for a reference to a resource."""
    if isinstance(value, str):
        return value
    parts = value.get("Fn::Join", [None, []])[1]
    filled = ["123456789012" if p == {"Ref": "AWS::AccountId"} else p for p in parts]
    return "".join(filled) if filled and all(isinstance(p, str) for p in filled) else None


def test_s60_every_physical_name_has_a_rule_here(longest: Synthesized) -> None:
    without_rule = {
        (longest.resources[logical_id]["Type"], key)
        for logical_id, key in names(longest)
        if (longest.resources[logical_id]["Type"], key) not in RULES
    }

    assert without_rule == set()


def test_s60_every_physical_name_ends_with_the_suffix(longest: Synthesized) -> None:
    unsuffixed = [
        name
        for name in names(longest).values()
        if not re.search(rf"-{LONGEST}(/postgresql|/performance)?$", name)
    ]

    assert unsuffixed == []


@given(branch=BRANCHES)
def test_s60_every_name_is_valid_for_its_service(longest: Synthesized, branch: str) -> None:
    suffix = str(EnvironmentSuffix.of_branch(branch))
    for (logical_id, key), name in names(longest).items():
        length_max, rule = RULES[longest.resources[logical_id]["Type"], key]
        real = name.replace(str(LONGEST), suffix)
        assert len(real) <= length_max, real
        assert re.fullmatch(rule, real, re.ASCII), real


@given(one=BRANCHES, other=BRANCHES)
def test_b4_environments_with_different_suffixes_share_no_name(
    longest: Synthesized, one: str, other: str
) -> None:
    """The hub refuses the second of two branches with the same suffix."""
    assume(EnvironmentSuffix.of_branch(one) != EnvironmentSuffix.of_branch(other))
    here, there = (
        {
            (longest.resources[logical_id]["Type"], name.replace(str(LONGEST), str(suffix)))
            for (logical_id, _), name in names(longest).items()
        }
        for suffix in (EnvironmentSuffix.of_branch(one), EnvironmentSuffix.of_branch(other))
    )

    assert here & there == set()


def test_s60_no_two_resources_of_an_environment_have_one_name(longest: Synthesized) -> None:
    all_names = [
        (longest.resources[logical_id]["Type"], name)
        for (logical_id, _), name in names(longest).items()
    ]

    assert len(all_names) == len(set(all_names))


def test_s60_names_of_two_environments_differ_only_in_the_suffix(
    longest: Synthesized, production: Synthesized
) -> None:
    """The tests above rely on this when they replace one suffix with another."""
    renamed = json.loads(text(list(names(longest).values())).replace(str(LONGEST), "dev"))

    assert renamed == list(names(production).values())
