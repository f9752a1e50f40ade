"""S66: the estimated time of a first deployment."""

from typing import Any

from docs.generators import deployment_time


def test_s66_every_first_deployment_ends_within_the_limit(
    environments: dict[str, dict[str, Any]],
) -> None:
    ends = {
        kind: deployment_time.longest_chain(template)[-1].ends
        for kind, template in environments.items()
    }

    assert ends
    assert max(ends.values()) < deployment_time.LIMIT_SECONDS, ends


def test_s66_the_longest_chain_is_that_of_the_slowest_path() -> None:
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
