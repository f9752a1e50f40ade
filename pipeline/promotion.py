"""The environments that each branch deploys, in their order and with their tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from infra.config import EPHEMERAL, PRODUCTION, PROMOTED, EnvironmentConfig
from infra.naming import EnvironmentSuffix


@dataclass(frozen=True, kw_only=True)
class TestSuite:
    """Tests of a deployed environment; those that are `is_read_only` get no permissions in it."""

    __test__ = False  # pytest would collect it because of its name

    step: str
    project: str
    command: str
    is_read_only: bool


INTEGRATION_TESTS: Final = TestSuite(
    step="IntegrationTests",
    project="transaction-integration-tests",
    command="make integration-test",
    is_read_only=False,
)
# Tests in production post nothing, because the money is real.
SMOKE_TESTS: Final = TestSuite(
    step="SmokeTests",
    project="transaction-smoke-tests",
    command="make smoke-test",
    is_read_only=True,
)


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """One environment to which a commit is deployed, and the name of its pipeline stage."""

    stage: str
    config: EnvironmentConfig
    tests: TestSuite
    suffix: EnvironmentSuffix | None = None  # None: the branch's own
    needs_approval: bool = False
    in_production_account: bool = False  # if the context has `productionAccount`

    @property
    def may_be_replaced(self) -> bool:
        """Whether a failed stack is deleted and created again: only if it has no data to keep."""
        return self.suffix is None


OWN_ENVIRONMENT: Final = (
    Promotion(stage="Environment", config=EPHEMERAL, tests=INTEGRATION_TESTS),
)
ALL_ENVIRONMENTS: Final = tuple(
    Promotion(
        stage=config.kind.title(),
        config=config,
        suffix=config.suffix,
        tests=SMOKE_TESTS if config is PRODUCTION else INTEGRATION_TESTS,
        needs_approval=config is PRODUCTION,
        in_production_account=config is PRODUCTION,
    )
    for config in PROMOTED
)

# By the value of the context key `promotion`: the environments of the trunk's commits.
TRUNK_PROMOTIONS: Final[Mapping[str, tuple[Promotion, ...]]] = {
    "environment": OWN_ENVIRONMENT,
    PRODUCTION.kind: ALL_ENVIRONMENTS,
}
# No branch may have these suffixes, whatever the trunk is called.
RESERVED_SUFFIXES: Final = tuple(str(p.suffix) for p in ALL_ENVIRONMENTS)


def promotions_of(*, is_trunk: bool, promotion: str) -> tuple[Promotion, ...]:
    """`promotion` is a key of TRUNK_PROMOTIONS; any other branch deploys its own environment."""
    return TRUNK_PROMOTIONS[promotion] if is_trunk else OWN_ENVIRONMENT


def carries_hub(*, is_trunk: bool, promotion: str) -> bool:
    """Whether this branch's pipeline updates the branch hub before it deploys environments."""
    return is_trunk and TRUNK_PROMOTIONS[promotion] is ALL_ENVIRONMENTS
