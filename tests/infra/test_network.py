"""S10 to S13: subnets, routes, endpoints and security groups."""

import re
from typing import Any

import pytest

from tests.infra.context import REPOSITORY
from tests.infra.templates import Synthesized, as_list, text


def subnets(stack: Synthesized, kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: r["Properties"]
        for name, r in stack.all("AWS::EC2::Subnet").items()
        if {"Key": "aws-cdk:subnet-type", "Value": kind} in r["Properties"]["Tags"]
    }


@pytest.mark.parametrize("kind", ["Public", "Private", "Isolated"])
def test_s10_each_kind_of_subnet_is_in_the_first_two_zones(
    ephemeral: Synthesized, kind: str
) -> None:
    zones = [s["AvailabilityZone"] for s in subnets(ephemeral, kind).values()]

    assert zones == [{"Fn::Select": [i, {"Fn::GetAZs": ""}]} for i in (0, 1)]


def test_s10_no_subnet_assigns_public_addresses(ephemeral: Synthesized) -> None:
    assert not any(s.get("MapPublicIpOnLaunch") for s in ephemeral.properties("AWS::EC2::Subnet"))


def test_s10_isolated_subnets_have_no_route_out(ephemeral: Synthesized) -> None:
    isolated = {
        a["RouteTableId"]["Ref"]
        for a in ephemeral.properties("AWS::EC2::SubnetRouteTableAssociation")
        if a["SubnetId"]["Ref"] in subnets(ephemeral, "Isolated")
    }

    assert isolated
    assert not isolated & {
        r["RouteTableId"]["Ref"] for r in ephemeral.properties("AWS::EC2::Route")
    }


@pytest.mark.parametrize("service", ["s3", "dynamodb"])
def test_s11_private_and_isolated_subnets_use_a_gateway_endpoint(
    ephemeral: Synthesized, service: str
) -> None:
    inside = subnets(ephemeral, "Private") | subnets(ephemeral, "Isolated")
    tables = {
        a["RouteTableId"]["Ref"]
        for a in ephemeral.properties("AWS::EC2::SubnetRouteTableAssociation")
        if a["SubnetId"]["Ref"] in inside
    }
    (endpoint,) = (
        e
        for e in ephemeral.properties("AWS::EC2::VPCEndpoint")
        if text(e["ServiceName"]).endswith(f'.{service}"]]}}')
    )

    assert endpoint["VpcEndpointType"] == "Gateway"
    statements = endpoint["PolicyDocument"]["Statement"]
    assert "*" not in [r for s in statements for r in as_list(s["Resource"])]
    assert {t["Ref"] for t in endpoint["RouteTableIds"]} == tables


def nat_gateways_in_use(stack: Synthesized) -> set[str]:
    return {
        text(r["NatGatewayId"]) for r in stack.properties("AWS::EC2::Route") if "NatGatewayId" in r
    }


def test_s12_an_ephemeral_environment_has_one_nat_gateway(ephemeral: Synthesized) -> None:
    assert len(ephemeral.all("AWS::EC2::NatGateway")) == len(nat_gateways_in_use(ephemeral)) == 1


def test_s12_in_production_each_zone_has_a_nat_gateway(production: Synthesized) -> None:
    assert len(production.all("AWS::EC2::NatGateway")) == len(nat_gateways_in_use(production)) == 2


def zone_of(stack: Synthesized, subnet: str) -> int:
    zone = stack.resources[subnet]["Properties"]["AvailabilityZone"]
    return int(zone["Fn::Select"][0])


def zones_of_nat_gateways(stack: Synthesized) -> dict[int, int]:
    """For each zone with a private subnet, the zone of the NAT gateway that it uses."""
    tables = {
        a["RouteTableId"]["Ref"]: a["SubnetId"]["Ref"]
        for a in stack.properties("AWS::EC2::SubnetRouteTableAssociation")
        if a["SubnetId"]["Ref"] in subnets(stack, "Private")
    }
    found = {}
    for route in stack.properties("AWS::EC2::Route"):
        if route["RouteTableId"]["Ref"] in tables:
            assert route["DestinationCidrBlock"] == "0.0.0.0/0"
            gateway = stack.resources[route["NatGatewayId"]["Ref"]]["Properties"]["SubnetId"]["Ref"]
            assert gateway in subnets(stack, "Public")
            subnet = tables[route["RouteTableId"]["Ref"]]
            found[zone_of(stack, subnet)] = zone_of(stack, gateway)
    return found


def test_s12_in_production_no_zone_depends_on_the_nat_gateway_of_the_other(
    ephemeral: Synthesized, production: Synthesized
) -> None:
    assert zones_of_nat_gateways(production) == {0: 0, 1: 1}
    assert zones_of_nat_gateways(ephemeral) == {0: 0, 1: 0}


def test_s10_the_load_balancer_is_in_the_subnets_with_an_internet_gateway(
    every: Synthesized,
) -> None:
    balancer = every.one("AWS::ElasticLoadBalancingV2::LoadBalancer")
    chosen = [s["Ref"] for s in balancer["Subnets"]]
    public = {
        a["SubnetId"]["Ref"]
        for a in every.properties("AWS::EC2::SubnetRouteTableAssociation")
        for route in every.properties("AWS::EC2::Route")
        if route["RouteTableId"] == a["RouteTableId"] and "GatewayId" in route
    }

    assert balancer["Scheme"] == "internet-facing"
    assert sorted(chosen) == sorted(subnets(every, "Public"))
    assert set(chosen) == public


def documented() -> set[Any]:
    """The (from, to, port) of the table in docs/network.md."""
    rows = re.findall(
        r"^\| ([a-z-]+) \| ([a-z-]+) \| (\d+) \|",
        (REPOSITORY / "docs" / "network.md").read_text(),
        re.MULTILINE,
    )
    assert rows
    return {(one, other, int(port)) for one, other, port in rows}


def matrix(stack: Synthesized) -> tuple[set[Any], set[Any]]:
    """All (from, to, port) of the egress rules, and all of the ingress rules."""
    groups = stack.all("AWS::EC2::SecurityGroup")
    names: dict[str, str] = {
        name: r["Properties"]["GroupName"].removesuffix("-sg-dev") for name, r in groups.items()
    }

    def name_of(reference: dict[str, Any]) -> str:
        return names[reference["Fn::GetAtt"][0]]

    outgoing, incoming = set(), set()
    for logical_id, group in groups.items():
        for rule in as_list(group["Properties"].get("SecurityGroupEgress", [])):
            if rule["CidrIp"] == "255.255.255.255/32":  # CDK's rule that allows nothing
                continue
            assert (rule["CidrIp"], rule["FromPort"]) == ("0.0.0.0/0", rule["ToPort"])
            outgoing.add((names[logical_id], "anyone", rule["FromPort"]))
        for rule in as_list(group["Properties"].get("SecurityGroupIngress", [])):
            assert (rule["CidrIp"], rule["FromPort"]) == ("0.0.0.0/0", rule["ToPort"])
            incoming.add(("anyone", names[logical_id], rule["FromPort"]))
    for rule in stack.properties("AWS::EC2::SecurityGroupEgress"):
        assert rule["FromPort"] == rule["ToPort"]
        target = name_of(rule["DestinationSecurityGroupId"])
        outgoing.add((name_of(rule["GroupId"]), target, rule["FromPort"]))
    for rule in stack.properties("AWS::EC2::SecurityGroupIngress"):
        assert rule["FromPort"] == rule["ToPort"]
        source = name_of(rule["SourceSecurityGroupId"])
        incoming.add((source, name_of(rule["GroupId"]), rule["FromPort"]))
    return outgoing, incoming


def test_s13_exactly_the_documented_connections_are_allowed(ephemeral: Synthesized) -> None:
    """A connection needs an egress rule of one group and an ingress rule of the other."""
    outgoing, incoming = matrix(ephemeral)

    assert outgoing == {rule for rule in documented() if rule[0] != "anyone"}
    assert incoming == {rule for rule in documented() if rule[1] != "anyone"}


def test_s13_every_group_is_documented_and_used(ephemeral: Synthesized) -> None:
    """Everything with an address in the VPC names its group, so none has the default group."""
    groups = ephemeral.all("AWS::EC2::SecurityGroup")
    named = {end for one, other, _ in documented() for end in (one, other)} - {"anyone"}
    assert {r["Properties"]["GroupName"].removesuffix("-sg-dev") for r in groups.values()} == named

    users = [
        *ephemeral.properties("AWS::ElasticLoadBalancingV2::LoadBalancer"),
        *(
            s["NetworkConfiguration"]["AwsvpcConfiguration"]
            for s in ephemeral.properties("AWS::ECS::Service")
        ),
        *(
            f["VpcConfig"]
            for f in ephemeral.properties("AWS::Lambda::Function")
            if "VpcConfig" in f
        ),
    ]
    used = [
        reference["Fn::GetAtt"][0]
        for user in users
        for reference in user.get("SecurityGroups", user.get("SecurityGroupIds"))
    ]
    (database,) = ephemeral.one("AWS::RDS::DBCluster")["VpcSecurityGroupIds"]
    assert sorted([*used, database["Fn::GetAtt"][0]]) == sorted(groups)


def test_s13_clients_connect_to_the_configured_port(production: Synthesized) -> None:
    _, incoming = matrix(production)

    assert ("anyone", "load-balancer", 8443) in incoming
    assert ("anyone", "load-balancer", 443) not in incoming


def test_s13_the_default_group_allows_nothing(ephemeral: Synthesized) -> None:
    closed = ephemeral.one("Custom::VpcRestrictDefaultSG")

    assert closed["DefaultSecurityGroupId"]["Fn::GetAtt"][1] == "DefaultSecurityGroup"


def gateway_policy(stack: Synthesized, service: str) -> list[dict[str, Any]]:
    (endpoint,) = (
        e
        for e in stack.properties("AWS::EC2::VPCEndpoint")
        if text(e["ServiceName"]).endswith(f'.{service}"]]}}')
    )
    return list(endpoint["PolicyDocument"]["Statement"])


def test_s11_the_endpoints_allow_only_image_layers_our_trail_and_our_tables(
    ephemeral: Synthesized,
) -> None:
    """So an attacker in a task cannot copy data to a bucket or table of another account."""
    layers, *trail = gateway_policy(ephemeral, "s3")
    (bucket,) = (name for name in ephemeral.all("AWS::S3::Bucket") if "AuditStore" in name)

    assert all(bucket in text(statement["Resource"]) for statement in trail)
    assert layers["Action"] == "s3:GetObject"
    assert text(layers["Resource"]).endswith('"-starport-layer-bucket/*"]]}')
    actions = [
        endpoint_actions(ephemeral, table) for table in ephemeral.all("AWS::DynamoDB::Table")
    ]
    assert all(len(statements) == 1 for statements in actions)
    assert len(gateway_policy(ephemeral, "dynamodb")) == len(actions)


def test_s64_the_endpoint_allows_what_the_verifier_may_do_in_the_audit_bucket(
    ephemeral: Synthesized,
) -> None:
    allowed = {
        action
        for statement in gateway_policy(ephemeral, "s3")[1:]
        for action in as_list(statement["Action"])
    }

    assert allowed == {
        action
        for action in ephemeral.actions_of("audit-verifier-role-dev")
        if action.startswith("s3:")
    }


def endpoint_actions(stack: Synthesized, table: str) -> list[set[str]]:
    """The actions of each statement of the endpoint for this table and no other."""
    return [
        set(statement["Action"])
        for statement in gateway_policy(stack, "dynamodb")
        if all(table in text(resource) for resource in as_list(statement["Resource"]))
    ]


@pytest.mark.parametrize(
    ("table", "role"),
    [("sessions", "transaction-service"), ("breaker", "transaction-processor")],
)
def test_s64_the_endpoint_allows_the_actions_of_the_role_that_uses_the_table(
    ephemeral: Synthesized, table: str, role: str
) -> None:
    logical_id, _ = ephemeral.only("AWS::DynamoDB::Table", TableName=f"transaction-{table}-dev")
    used = {
        action
        for action in ephemeral.actions_of(f"{role}-role-dev")
        if action.startswith("dynamodb:")
    }

    assert endpoint_actions(ephemeral, logical_id) == [used]


def test_s52_the_flow_log_keeps_every_connection_for_a_week(ephemeral: Synthesized) -> None:
    group, properties = ephemeral.only(
        "AWS::Logs::LogGroup", LogGroupName="/aws/vpc/transaction-flow-log-dev"
    )
    vpc, _ = ephemeral.only("AWS::EC2::VPC")
    flow = ephemeral.one("AWS::EC2::FlowLog")

    assert (flow["ResourceType"], flow["ResourceId"]) == ("VPC", {"Ref": vpc})
    assert flow["TrafficType"] == "ALL"
    assert flow["LogGroupName"] == {"Ref": group}
    assert properties["RetentionInDays"] == 7
