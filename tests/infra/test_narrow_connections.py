"""S13 from the template alone, without docs/network.md: rules for all addresses, and why."""

from typing import Any, Final

import pytest

from infra.security_groups import HTTPS_PORT
from tests.infra.templates import Synthesized, as_list, text
from tests.infra.test_permissions import role_statements

ANYWHERE: Final = ("0.0.0.0/0", "::/0")
NOTHING: Final = "255.255.255.255/32"  # CDK's rule for a group without egress
# Not called from the VPC: Lambda itself decrypts variables, writes logs and creates interfaces, and
# SQS and DynamoDB use the key for their callers.
OUTSIDE: Final = {"lambda": {"kms", "logs", "ec2", "xray"}, "ecs": {"kms"}}


def rules(stack: Synthesized, direction: str) -> list[tuple[str, dict[str, Any]]]:
    """(logical id of the group, rule) of every rule, inside the group and beside it."""
    inside = [
        (name, rule)
        for name, group in stack.all("AWS::EC2::SecurityGroup").items()
        for rule in as_list(group["Properties"].get(f"SecurityGroup{direction}", []))
        if rule.get("CidrIp") != NOTHING
    ]
    beside = stack.properties(f"AWS::EC2::SecurityGroup{direction}")
    return [*inside, *((rule["GroupId"]["Fn::GetAtt"][0], rule) for rule in beside)]


def is_open(rule: dict[str, Any]) -> bool:
    return rule.get("CidrIp") in ANYWHERE or rule.get("CidrIpv6") in ANYWHERE


def other_end(rule: dict[str, Any]) -> Any:
    return rule.get("SourceSecurityGroupId", rule.get("DestinationSecurityGroupId"))


def called_services(stack: Synthesized) -> dict[str, set[str]]:
    """The services that the roles of each group's tasks and functions call through the VPC."""
    users: list[tuple[str, str, list[str]]] = []
    for service in stack.properties("AWS::ECS::Service"):
        (group,) = service["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"]
        task = stack.resources[service["TaskDefinition"]["Ref"]]["Properties"]
        roles = [task[name]["Fn::GetAtt"][0] for name in ("TaskRoleArn", "ExecutionRoleArn")]
        users.append(("ecs", group["Fn::GetAtt"][0], roles))
    for function in stack.properties("AWS::Lambda::Function"):
        for group in function.get("VpcConfig", {}).get("SecurityGroupIds", []):
            role = function["Role"]["Fn::GetAtt"][0]
            users.append(("lambda", group["Fn::GetAtt"][0], [role]))
    called: dict[str, set[str]] = {}
    for kind, group, roles in users:
        called[group] = {
            action.partition(":")[0]
            for role, statement in role_statements(stack)
            if role in roles and statement["Effect"] == "Allow"
            for action in as_list(statement["Action"])
        } - OUTSIDE[kind]
    return called


def endpoints(stack: Synthesized) -> set[str]:
    """The services that have an endpoint in the VPC, of either type."""
    names = (text(e["ServiceName"]) for e in stack.properties("AWS::EC2::VPCEndpoint"))
    # `com.amazonaws.<region>.ecr.api` serves the actions of `ecr`.
    return {name.rstrip('"]}').removesuffix(".api").rpartition(".")[2] for name in names}


def test_s13_egress_to_all_addresses_is_only_for_services_without_an_endpoint(
    every: Synthesized,
) -> None:
    known = endpoints(every)
    unknown = {group: called - known for group, called in called_services(every).items()}
    open_to = {group for group, rule in rules(every, "Egress") if is_open(rule)}

    assert known >= {"s3", "dynamodb"}
    assert open_to == {group for group, services in unknown.items() if services}


def test_s13_every_other_rule_names_a_group_of_the_environment(every: Synthesized) -> None:
    groups = every.all("AWS::EC2::SecurityGroup")
    (balancer,) = every.one("AWS::ElasticLoadBalancingV2::LoadBalancer")["SecurityGroups"]

    for direction in ("Ingress", "Egress"):
        for group, rule in rules(every, direction):
            if not is_open(rule):
                assert other_end(rule)["Fn::GetAtt"][0] in groups, rule
            elif direction == "Ingress":
                assert group == balancer["Fn::GetAtt"][0], rule


def test_s13_every_rule_is_for_one_tcp_port(every: Synthesized) -> None:
    listener = every.one("AWS::ElasticLoadBalancingV2::Listener")["Port"]

    for direction, port in (("Ingress", listener), ("Egress", HTTPS_PORT)):
        for _, rule in rules(every, direction):
            assert rule["IpProtocol"] == "tcp"
            assert rule["FromPort"] == rule["ToPort"]
            assert not is_open(rule) or rule["FromPort"] == port


@pytest.mark.parametrize("direction", ["Ingress", "Egress"])
def test_s13_the_rules_of_the_default_group_can_be_removed(
    ephemeral: Synthesized, direction: str
) -> None:
    """CDK's function removes the rules that AWS creates; without the right it fails."""
    closed = ephemeral.one("Custom::VpcRestrictDefaultSG")["DefaultSecurityGroupId"]
    removing = [
        statement
        for role, statement in role_statements(ephemeral)
        if f"ec2:RevokeSecurityGroup{direction}" in as_list(statement["Action"])
    ]

    (vpc,) = ephemeral.all("AWS::EC2::VPC")
    assert closed == {"Fn::GetAtt": [vpc, "DefaultSecurityGroup"]}
    assert [text(closed) in text(statement["Resource"]) for statement in removing] == [True]
