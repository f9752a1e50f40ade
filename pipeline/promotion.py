"""Which branch delivers to which environments, in which order, and what proves each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from infra.config import EPHEMERAL, PRODUCTION, STAGING, EnvironmentConfig
from infra.naming import EnvironmentSuffix


@dataclass(frozen=True, kw_only=True)
class TestSuite:
    """Tests of a deployed environment; `is_read_only` ones get no rights in it at all."""

    __test__ = False  # a value, whatever pytest thinks of its name

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
# Where money is real nothing is posted for a test.
SMOKE_TESTS: Final = TestSuite(
    step="SmokeTests",
    project="transaction-smoke-tests",
    command="make smoke-test",
    is_read_only=True,
)


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """One stop on the way of a commit: an environment, and the name of its pipeline stage."""

    stage: str
    config: EnvironmentConfig
    tests: TestSuite
    suffix: EnvironmentSuffix | None = None  # None is the branch's own
    needs_approval: bool = False
    in_production_account: bool = False  # where the context names one

    @property
    def may_be_replaced(self) -> bool:
        """Whether a stack that failed is deleted and made anew: only what has no data to keep."""
        return self.suffix is None


OWN_ENVIRONMENT: Final = (
    Promotion(stage="Environment", config=EPHEMERAL, tests=INTEGRATION_TESTS),
)
STAGING_THEN_PRODUCTION: Final = (
    Promotion(
        stage="Staging",
        config=STAGING,
        tests=INTEGRATION_TESTS,
        suffix=EnvironmentSuffix("staging"),
    ),
    Promotion(
        stage="Production",
        config=PRODUCTION,
        tests=SMOKE_TESTS,
        suffix=EnvironmentSuffix("production"),
        needs_approval=True,
        in_production_account=True,
    ),
)

# By the value of the context key `promotion`: how far the trunk is carried.
TRUNK_PROMOTIONS: Final[Mapping[str, tuple[Promotion, ...]]] = {
    "environment": OWN_ENVIRONMENT,
    "production": STAGING_THEN_PRODUCTION,
}
# The trunk's pipeline that goes all the way also keeps the hub of the branches up to date.
HUB_CARRIERS: Final = frozenset({"production"})
# No branch may take these: the trunk's environments have them, whatever the trunk is called.
RESERVED_SUFFIXES: Final = tuple(
    str(p.suffix) for path in TRUNK_PROMOTIONS.values() for p in path if p.suffix is not None
)


def promotions_of(*, is_trunk: bool, promotion: str) -> tuple[Promotion, ...]:
    """`promotion` is a key of TRUNK_PROMOTIONS; every branch but the trunk ends in its own."""
    return TRUNK_PROMOTIONS[promotion] if is_trunk else OWN_ENVIRONMENT


def carries_hub(*, is_trunk: bool, promotion: str) -> bool:
    """Whether this branch's pipeline deploys the hub, before its environments."""
    return is_trunk and promotion in HUB_CARRIERS
