"""B8: what is drawn and reckoned from the template is that of this commit's template."""

from infra.config import EPHEMERAL, PRODUCTION, STAGING
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


def test_what_scripts_look_at_is_what_is_deployed(ephemeral: Synthesized) -> None:
    assert environment_template(EPHEMERAL)["Resources"].keys() == ephemeral.resources.keys()
