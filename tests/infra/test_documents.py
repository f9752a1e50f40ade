"""B8: what is drawn and reckoned from the template is that of this commit's template."""

from typing import Any

from infra.config import EPHEMERAL, PRODUCTION, STAGING
from scripts import deployment_time
from scripts.architecture import PICTURE, draw, edges
from scripts.cost import PAGE, page
from scripts.environment_template import environment_template
from tests.infra.templates import Synthesized


def test_b8_the_picture_is_of_this_template(ephemeral: Synthesized) -> None:
    """After a change: python -m scripts.architecture"""
    assert PICTURE.read_text() == draw(ephemeral.json)


def test_b8_the_picture_shows_every_way_a_transaction_takes(ephemeral: Synthesized) -> None:
    ways = {(source, target) for source, target, _ in edges(ephemeral.json)}

    assert ways >= {
        ("clients", "transaction-alb"),
        ("transaction-alb", "transaction-service"),
        ("transaction-service", "transaction-db"),
        ("transaction-service", "audit-queue"),
        ("audit-queue", "audit-writer"),
        ("audit-writer", "transaction-audit"),
        ("transaction-queue", "transaction-processor"),
        ("transaction-processor", "transaction-db"),
    }


def test_the_cost_is_of_these_templates(
    ephemeral: Synthesized, longest: Synthesized, production: Synthesized
) -> None:
    """After a change: python -m scripts.cost"""
    of = {EPHEMERAL.kind: ephemeral, STAGING.kind: longest, PRODUCTION.kind: production}

    assert PAGE.read_text() == page({kind: stack.json for kind, stack in of.items()})


def test_s66_the_time_line_is_of_these_templates_and_ends_in_time(
    ephemeral: Synthesized, longest: Synthesized, production: Synthesized
) -> None:
    """After a change: python -m scripts.deployment_time"""
    stacks = {EPHEMERAL.kind: ephemeral, STAGING.kind: longest, PRODUCTION.kind: production}

    for stack in stacks.values():
        assert deployment_time.longest_chain(stack.json)[-1].ends < deployment_time.LIMIT_SECONDS
    assert deployment_time.PAGE.read_text() == deployment_time.page(
        {kind: stack.json for kind, stack in stacks.items()}
    )


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


def test_what_scripts_look_at_is_what_is_deployed(ephemeral: Synthesized) -> None:
    assert environment_template(EPHEMERAL)["Resources"].keys() == ephemeral.resources.keys()
