"""The quotas of the account: room for the trunk and one branch, counted as the hub counts it."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from botocore.exceptions import ClientError

from branch_hub.functions.shared.account_quotas import VPCS, AccountQuota
from branch_hub.functions.shared.account_room import AccountSurvey, QuotaRoom, quota_value
from branch_hub.infrastructure.environment_needs import BRANCH_NEEDS, trunk_needs
from branch_hub.infrastructure.intake import AT_ONCE
from operations.hubs import hub_outputs
from operations.preflight.findings import Finding, Situation, fine, to_do

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
_UNRESERVED_MIN: Final = 100
# A new account may have 20: https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html
_IMPORTED: Final = AccountQuota(
    name="Imported certificates", service="acm", code="L-D2CB7DE9", default=2500
)
_IMPORTED_IN_A_YEAR: Final = AccountQuota(
    name="Imported certificates in last 365 days", service="acm", code="L-3808DC70", default=5000
)
# Without this filter ACM lists only RSA_1024 and RSA_2048; ours are EC_prime256v1.
_KEY_TYPES: Final = (
    "RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1",
)  # fmt: skip


def quotas(situation: Situation) -> Iterator[Finding]:
    settings = situation.settings
    survey = AccountSurvey(
        client=situation.client, needed=BRANCH_NEEDS, trunk=trunk_needs(settings)
    )
    room = survey.room(ours=[], now=datetime.now(UTC))
    for one in room.rooms:
        if one.environments:
            yield fine(_enough(one))
        else:
            yield to_do(f"quota {one.short_of(1, region=settings.region)}")
    for unchecked in room.unchecked:
        yield to_do(f"quota {unchecked}. It was not checked: allow the call, or try again")


def _enough(room: QuotaRoom) -> str:
    return (
        f"quota {room.quota.label}: {room.value:g}; environments of branches that fit beside the "
        f"trunk: {room.environments}"
    )


def unreserved_executions(situation: Situation) -> Iterator[Finding]:
    """The hub reserves executions for its public function."""
    if str(situation.settings.hub_suffix) in hub_outputs(situation.client("cloudformation")):
        yield fine(f"Lambda: the hub is deployed and has its {AT_ONCE} reserved executions")
        return
    limit = situation.client("lambda").get_account_settings()["AccountLimit"]
    left = limit["UnreservedConcurrentExecutions"] - AT_ONCE
    if left >= _UNRESERVED_MIN:
        yield fine(f"Lambda: {left} executions stay unreserved beside the hub's {AT_ONCE}")
    else:
        yield to_do(
            f"Lambda: {limit['UnreservedConcurrentExecutions']} executions are unreserved. The hub "
            f"reserves {AT_ONCE}, and AWS requires that {_UNRESERVED_MIN} stay: request more "
            '"Concurrent executions" in Service Quotas'
        )


def certificates(situation: Situation) -> Iterator[Finding]:
    """Each environment without a domain imports one, and a branch gets a new environment whenever
    it is created again."""
    settings, client = situation.settings, situation.client
    pages = client("acm").get_paginator("list_certificates")
    imported = sum(
        certificate.get("Type") == "IMPORTED"
        for page in pages.paginate(Includes={"keyTypes": [*_KEY_TYPES]})
        for certificate in page["CertificateSummaryList"]
    )
    trunk = sum(VPCS.code in needs for needs in trunk_needs(settings).values())
    at_once = trunk + settings.branches.quota
    in_a_year = at_once * math.ceil(365 / settings.branches.lifetime_days)
    for quota, needed in ((_IMPORTED, imported + at_once), (_IMPORTED_IN_A_YEAR, in_a_year)):
        try:
            value = quota_value(client, quota)
        except ClientError as error:
            yield to_do(f"quota {quota.label}: not checked: {error}")
            continue
        if value >= needed:
            yield fine(f"quota {quota.label}: {value:g} are enough for {needed}")
        else:
            yield to_do(
                f"quota {quota.label}: the quota is {value:g}, and {needed} are needed: "
                f"{quota.increase(needed, region=settings.region)}"
            )
