"""A role of a branch as IAM sees it, and what it must not reach."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.config import PRODUCTION, STAGING, EnvironmentConfig
from infra.naming import EnvironmentSuffix
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.branch_hub.infrastructure.arns import (
    ACCOUNT,
    Asked,
    asked_for,
)
from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB as H
from tests.branch_hub.infrastructure.iam_request import Request, Statement, is_allowed
from tests.delivered import SUFFIX, Delivered
from tests.infra.templates import Synthesized

ROLES: Final = f"arn:aws:iam::{ACCOUNT}:role/"


OWN_ROLES: Final = f"{ROLES}branch-roles-{H}/"


BOUNDARY: Final = f"arn:aws:iam::{ACCOUNT}:policy/branch-boundary-{H}"


HERE: Final = f"us-east-1:{ACCOUNT}"


TRUNKS: Final = suffix_of_branch("main")


EVERYTHING: Final[Statement] = {"Effect": "Allow", "Action": "*", "Resource": "*"}


# A branch may be named like an environment.
SUFFIXES: Final = (SUFFIX, suffix_of_branch("staging"), suffix_of_branch("staging/x"))

OTHER_ROLES: Final = (
    *(
        f"{ROLES}cdk-hnb659fds-{kind}-role-{ACCOUNT}-us-east-1"
        for kind in ("deploy", "cfn-exec", "file-publishing", "image-publishing", "lookup")
    ),
    f"{ROLES}branch-execution-role-{H}",
    f"{ROLES}branch-teardown-role-{H}",
    f"{ROLES}branch-pipelines-role-{H}",
    f"{ROLES}transaction-service-role-production",
    f"{ROLES}administrator",
    f"{ROLES}branch-roles-another-hub/administrator",
    "arn:aws:iam::222222222222:role/cdk-hnb659fds-deploy-role-222222222222-us-east-1",
    f"arn:aws:iam::222222222222:role/branch-roles-{H}/x",
)


class Limited:
    """A role of a branch, which is an administrator by its own policies, in its boundary."""

    def __init__(self, boundary: list[Statement]) -> None:
        self._boundary = boundary

    def may(self, action: str, resource: str) -> bool:
        return self.asks(Request(action=action, resource=resource))

    def asks(self, request: Request) -> bool:
        return is_allowed([EVERYTHING], request) and is_allowed(self._boundary, request)


def templates_of(outdir: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(stack name, resources) of the pipeline and the environment of a branch."""
    for path in sorted(outdir.rglob("*.template.json")):
        if "BranchHub" not in path.name:
            base = "transaction" if "Transaction" in path.name else "DeliveryPipeline"
            yield f"{base}-{SUFFIX}", json.loads(path.read_text())["Resources"]


def tagged(suffix: str) -> dict[str, str]:
    return {"aws:ResourceTag/environment-suffix": suffix}


def kept(trunk: Delivered) -> Iterator[tuple[str, str, dict[str, str], Asked]]:
    """Everything of staging, production and the trunk's pipeline: its suffix, tags and requests."""
    stacks: list[tuple[str, str, Synthesized]] = [
        (f"DeliveryPipeline-{TRUNKS}", TRUNKS, trunk.pipeline)
    ]
    promoted: tuple[EnvironmentConfig, ...] = (STAGING, PRODUCTION)
    for config in promoted:
        found = Synthesized.environment(config, suffix=EnvironmentSuffix(config.kind))
        stacks.append((f"transaction-{config.kind}", config.kind, found))
    for stack, suffix, synthesized in stacks:
        for asked in asked_for(synthesized.resources, stack=stack):
            yield stack, suffix, tagged(suffix), asked
