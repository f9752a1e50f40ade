"""S66: the estimated time of a first deployment."""

from typing import Any

import pytest

from scripts import deployment_time
from tests.infra.templates import Synthesized


@pytest.mark.parametrize("kind", ["ephemeral", "longest", "production"])
def test_s66_a_first_deployment_ends_in_time(kind: str, request: pytest.FixtureRequest) -> None:
    environment: Synthesized = request.getfixturevalue(kind)
    chain = deployment_time.longest_chain(environment.json)

    assert chain[-1].ends < deployment_time.LIMIT_SECONDS


def test_s66_a_chain_is_as_long_as_its_longest_way() -> None:
    resources: dict[str, Any] = {
        "Gateway": {"Type": "AWS::EC2::NatGateway"},
        "Key": {"Type": "AWS::KMS::Key"},
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"Key": {"Ref": "Key"}}},
        "Task": {"Type": "AWS::ECS::Service", "DependsOn": "Table",
                 "Properties": {"A": {"Fn::GetAtt": ["Gateway", "Id"]}}},
    }  # fmt: skip

    chain = deployment_time.longest_chain({"Resources": resources})

    began = deployment_time.CHANGE_SET_SECONDS
    assert [s.name for s in chain] == ["Gateway", "Task"]  # 120 s, and not 30 and 60
    assert [(s.begins, s.ends) for s in chain] == [(began, began + 120), (began + 120, began + 270)]
