"""B13: tasks of branches' environments on Graviton and on Fargate Spot."""

import pytest

from infra.config import EPHEMERAL
from infra.task_capacity import CpuArchitecture, TaskCapacity
from tests.infra.templates import Synthesized

PROVIDERS = "AWS::ECS::ClusterCapacityProviderAssociations"
NOTICE_SECONDS = 120  # between AWS's warning and the end of a Spot task


def synthesize(capacity: TaskCapacity) -> Synthesized:
    return Synthesized.environment(
        EPHEMERAL.adjusted(
            api_port=443, database_ca_file=None, engine_version=None, task_capacity=capacity
        )
    )


@pytest.fixture(scope="module")
def spot() -> Synthesized:
    return synthesize(TaskCapacity(fargate_spot=True))


@pytest.fixture(scope="module")
def graviton() -> Synthesized:
    return synthesize(TaskCapacity(cpu_architecture=CpuArchitecture.ARM64))


def image_of(environment: Synthesized) -> object:
    (container,) = environment.one("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return container["Image"]


def test_b13_by_default_every_task_runs_on_demand(every: Synthesized) -> None:
    service = every.one("AWS::ECS::Service")

    assert service["LaunchType"] == "FARGATE"
    assert "CapacityProviderStrategy" not in service
    assert every.all(PROVIDERS) == {}


def test_b13_on_spot_one_task_stays_on_demand_and_all_others_are_spot(spot: Synthesized) -> None:
    service = spot.one("AWS::ECS::Service")

    assert service["CapacityProviderStrategy"] == [
        {"CapacityProvider": "FARGATE", "Base": 1, "Weight": 0},
        {"CapacityProvider": "FARGATE_SPOT", "Weight": 1},
    ]
    # ECS refuses a service with both.
    assert "LaunchType" not in service


def test_b13_the_cluster_offers_spot_before_the_service_asks_for_it(spot: Synthesized) -> None:
    """And CloudFormation withdraws it only after the service is deleted."""
    providers, properties = spot.only(PROVIDERS)
    service, _ = spot.only("AWS::ECS::Service")

    assert properties["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert spot.comes_before(providers, service)
    # A task that names no provider is not interrupted.
    assert properties["DefaultCapacityProviderStrategy"] == [
        {"CapacityProvider": "FARGATE", "Weight": 1}
    ]


def test_b13_an_interrupted_task_has_ended_before_its_capacity_is_gone(spot: Synthesized) -> None:
    (container,) = spot.one("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    attributes = {
        a["Key"]: a["Value"]
        for a in spot.one("AWS::ElasticLoadBalancingV2::TargetGroup")["TargetGroupAttributes"]
    }
    deregistration = int(attributes["deregistration_delay.timeout_seconds"])

    assert deregistration < container["StopTimeout"] < NOTICE_SECONDS
    assert deregistration + container["StopTimeout"] < NOTICE_SECONDS


def test_b13_on_graviton_task_and_image_have_the_same_architecture(
    ephemeral: Synthesized, graviton: Synthesized
) -> None:
    task = graviton.one("AWS::ECS::TaskDefinition")

    assert task["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    # The tag is a hash of the platform, too: an image of the other architecture is never started.
    assert image_of(graviton) != image_of(ephemeral)
    assert "CapacityProviderStrategy" not in graviton.one("AWS::ECS::Service")
