"""B8: the picture of an environment shows what is in its template."""

from docs.generators.architecture import edges
from infra.config import EPHEMERAL
from tests.docs.conftest import Template


def test_b8_the_picture_shows_every_path_of_a_transaction(
    environments: dict[str, Template],
) -> None:
    ways = {(source, target) for source, target, _ in edges(environments[EPHEMERAL.kind])}

    assert ways >= {
        ("clients", "transaction-alb"),
        ("transaction-alb", "transaction-service"),
        ("transaction-service", "transaction-db"),
        ("transaction-service", "audit-queue"),
        ("transaction-service", "transaction-sessions"),
        ("transaction-service", "transaction-api-clients"),
        ("audit-queue", "audit-writer"),
        ("audit-writer", "transaction-audit"),
        ("transaction-queue", "transaction-processor"),
        ("transaction-processor", "transaction-db"),
    }
