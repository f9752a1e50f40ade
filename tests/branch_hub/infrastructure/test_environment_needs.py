"""B11: the hub counts what the templates create, and promises no more than a new account has."""

import json
import math
import re
from collections import Counter
from dataclasses import replace

import pytest

from branch_hub.functions.shared import account_quotas as quotas
from branch_hub.functions.shared.account_quotas import AccountQuota
from branch_hub.infrastructure.environment_needs import BRANCH_NEEDS, needs_of, trunk_needs
from branch_hub.infrastructure.intake import AT_ONCE
from infra.config import EPHEMERAL, KINDS, PRODUCTION, STAGING, EnvironmentConfig
from infra.naming import EnvironmentSuffix
from pipeline.branch_settings import BranchSettings
from pipeline.delivery_settings import DeliverySettings
from tests.delivered import Delivered
from tests.infra.context import CDK_JSON, REPOSITORY
from tests.infra.templates import Synthesized

TYPES = {
    "AWS::EC2::EIP": quotas.ELASTIC_IPS,
    "AWS::EC2::VPC": quotas.VPCS,
    "AWS::EC2::VPCEndpoint": quotas.GATEWAY_ENDPOINTS,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": quotas.LOAD_BALANCERS,
    "AWS::RDS::DBCluster": quotas.DATABASE_CLUSTERS,
    "AWS::RDS::DBInstance": quotas.DATABASE_INSTANCES,
}


@pytest.mark.parametrize("config", KINDS, ids=lambda config: config.kind)
def test_b11_an_environment_needs_what_its_template_creates(config: EnvironmentConfig) -> None:
    stack, needs = Synthesized.environment(config), needs_of(config)

    assert {q.code: needs[q.code] for q in TYPES.values()} == {
        quota.code: len(stack.all(kind)) for kind, quota in TYPES.items()
    }
    in_zones = Counter(
        json.dumps(stack.resources[subnet["SubnetId"]["Ref"]]["Properties"]["AvailabilityZone"])
        for subnet in stack.properties("AWS::EC2::NatGateway")
    )
    assert needs[quotas.NAT_GATEWAYS.code] == max(in_zones.values())


@pytest.mark.parametrize("config", KINDS, ids=lambda config: config.kind)
def test_b11_an_environment_needs_the_vcpu_of_a_rolling_deployment_and_of_its_scaling(
    config: EnvironmentConfig,
) -> None:
    stack = Synthesized.environment(config)
    vcpu = int(stack.one("AWS::ECS::TaskDefinition")["Cpu"]) / 1024
    limits = stack.one("AWS::ECS::Service")["DeploymentConfiguration"]
    scaling = stack.one("AWS::ApplicationAutoScaling::ScalableTarget")

    needed = needs_of(config)[quotas.FARGATE_VCPU.code]

    assert needed >= vcpu * scaling["MinCapacity"] * limits["MaximumPercent"] / 100
    assert needed >= vcpu * scaling["MaxCapacity"]


def test_b11_the_functions_that_queues_call_fit_side_by_side() -> None:
    stack = Synthesized.environment(EPHEMERAL)
    mappings = stack.properties("AWS::Lambda::EventSourceMapping")
    at_once = sum(m["ScalingConfig"]["MaximumConcurrency"] for m in mappings)

    assert needs_of(EPHEMERAL)[quotas.LAMBDA_EXECUTIONS.code] > at_once


def test_b11_a_pipeline_needs_the_builds_that_run_side_by_side(delivered: Delivered) -> None:
    computes = {
        name: project["Properties"]["Environment"]["ComputeType"]
        for name, project in delivered.pipeline.all("AWS::CodeBuild::Project").items()
    }
    most: Counter[str] = Counter()
    for actions in delivered.stages.values():
        for order in {action["RunOrder"] for action in actions}:
            most |= Counter(
                computes[action["Configuration"]["ProjectName"]["Ref"]]
                for action in actions
                if action["RunOrder"] == order and "ProjectName" in action["Configuration"]
            )

    assert most == {
        "BUILD_GENERAL1_SMALL": BRANCH_NEEDS[quotas.SMALL_BUILDS.code],
        "BUILD_GENERAL1_MEDIUM": BRANCH_NEEDS[quotas.MEDIUM_BUILDS.code],
    }


def settings(**more: object) -> DeliverySettings:
    context = {**CDK_JSON, "account": "111111111111", **more}
    return DeliverySettings.from_context(context.get, defaults=CDK_JSON)


def test_b11_what_the_trunk_needs_is_kept_free_for_it() -> None:
    found = trunk_needs(settings())
    assert (found["staging"], found["production"]) == (needs_of(STAGING), needs_of(PRODUCTION))

    own = str(EnvironmentSuffix.of_branch("main"))
    alone = trunk_needs(settings(promotion="environment"))
    assert alone == {own: BRANCH_NEEDS}


def test_b11_production_in_another_account_takes_nothing_from_this_one() -> None:
    found = trunk_needs(settings(productionAccount="222222222222"))

    assert "production" not in found
    assert "staging" in found


def test_b11_every_branch_counts_the_same_for_the_trunk() -> None:
    """The hub is synthesized from any branch: two must not give two templates."""
    assert trunk_needs(settings(branch="feature/x")) == trunk_needs(settings())


def test_b11_the_default_quota_fits_the_network_of_a_new_account() -> None:
    """Beside staging, production and the default VPC. Fargate's default does not even fit these:
    docs/aws.md says what to request."""
    branches = BranchSettings().quota
    trunk = trunk_needs(settings())

    def fits(quota: AccountQuota, *, branches: int, others: int = 0) -> bool:
        used = others + sum(needs.get(quota.code, 0) for needs in trunk.values())
        return used + branches * BRANCH_NEEDS[quota.code] <= quota.default

    assert fits(quotas.ELASTIC_IPS, branches=branches)
    assert fits(quotas.VPCS, branches=branches, others=1)
    assert fits(quotas.NAT_GATEWAYS, branches=branches)
    assert fits(quotas.GATEWAY_ENDPOINTS, branches=branches)
    assert fits(quotas.DATABASE_INSTANCES, branches=branches)
    assert not fits(quotas.ELASTIC_IPS, branches=branches + 1)


def test_b11_the_page_says_what_to_request() -> None:
    """Its table: AWS's default, what the trunk and each branch need, and the value for 10."""
    page = (REPOSITORY / "docs" / "aws.md").read_text()
    rows = re.findall(r"^\|.*\| (L-\w{8}) \|(.*)\|$", page, re.MULTILINE)
    written = {code: [float(n.replace(",", "")) for n in cells.split("|")] for code, cells in rows}
    others = {quotas.VPCS.code: 1, quotas.LAMBDA_EXECUTIONS.code: AT_ONCE}

    def row(quota: AccountQuota) -> list[float]:
        trunk = sum(needs.get(quota.code, 0) for needs in trunk_needs(settings()).values())
        each = BRANCH_NEEDS[quota.code]
        needed = others.get(quota.code, 0) + trunk + 10 * each
        return [quota.default, trunk, each, math.ceil(needed / (1 + quota.queued))]

    assert written == {code: row(quota) for code, quota in quotas.QUOTAS.items()}


def test_b11_another_nat_gateway_for_branches_is_counted() -> None:
    more = replace(EPHEMERAL, network=replace(EPHEMERAL.network, nat_gateways=2))

    assert needs_of(more)[quotas.ELASTIC_IPS.code] == 2
