"""How many environments the quotas of the AWS account allow, and which quota is the first to stop
one."""

import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from branch_hub.functions.shared.account_quotas import (
    LAMBDA_EXECUTIONS,
    QUOTAS,
    AccountQuota,
    Needs,
)
from branch_hub.functions.shared.account_use import OthersUse

# More than branches.quota can be.
UNLIMITED: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class QuotaRoom:
    """One quota: its `value`, what others use, what the trunk's environments need, and what one
    environment of a branch needs."""

    quota: AccountQuota
    value: float
    others: float
    trunk: float
    needed: float

    @property
    def environments(self) -> int:
        """How many environments of branches fit."""
        if not self.needed:
            return UNLIMITED
        free = self.value * (1 + self.quota.queued) - self.others - self.trunk
        return max(0, math.floor(free / self.needed))

    def short_of(self, environments: int, *, region: str) -> str:
        """Why it does not allow that many environments of branches, and what to do."""
        wanted = self.others + self.trunk + environments * self.needed
        value = math.ceil(wanted / (1 + self.quota.queued))
        queue = f" ({self.quota.queued} more wait for each)" if self.quota.queued else ""
        return (
            f"{self.quota.label}: the quota is {self.value:g}{queue}; others use {self.others:g}, "
            f"the trunk needs {self.trunk:g}; branches, with this one, need {environments} x "
            f"{self.needed:g}. Request an increase: {self.quota.increase(value, region=region)}"
        )


@dataclass(frozen=True, kw_only=True)
class AccountRoom:
    """`unchecked` names quotas that could not be read, and why. They limit nothing."""

    rooms: tuple[QuotaRoom, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def environments(self) -> int:
        return min((room.environments for room in self.rooms), default=UNLIMITED)

    def too_small_for(self, environments: int) -> tuple[QuotaRoom, ...]:
        return tuple(room for room in self.rooms if room.environments < environments)


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """The room, and how many environments of branches were admitted, beside the one that asks.

    `counted` have a place in branches.quota; `protected` are being created without one.
    """

    counted: int
    protected: int
    room: AccountRoom

    @property
    def at_most(self) -> int:
        """How many the account allows to have a place in branches.quota."""
        return max(0, self.room.environments - self.protected)

    @property
    def has_room(self) -> bool:
        return self.counted < self.at_most

    def refusal(self, branch: str, *, region: str) -> str:
        wanted = self.counted + self.protected + 1
        reasons = (r.short_of(wanted, region=region) for r in self.room.too_small_for(wanted))
        return (
            f"branch {branch} gets no environment, because quotas of the AWS account are too "
            f"small. {'. '.join(reasons)}. Or delete a finished branch, which deletes its "
            "environment. Then push a new commit"
        )


@dataclass(frozen=True, kw_only=True)
class AccountSurvey:
    """Reads the account. `needed` is for an environment of a branch; `trunk` is by suffix.

    Every environment counts with all that it needs, whether its resources exist or not: so
    two branches that are pushed at once do not get the same elastic IP, and no branch gets that of
    production, which is deployed last.
    """

    client: Callable[[str], Any]
    needed: Needs
    trunk: Mapping[str, Needs]

    @classmethod
    def parse(cls, *, needed: str, trunk: str, client: Callable[[str], Any]) -> Self:
        """Read the JSON objects of the settings."""
        return cls(client=client, needed=json.loads(needed), trunk=json.loads(trunk))

    @property
    def region(self) -> str:
        return str(self.client("service-quotas").meta.region_name)

    def room(self, *, ours: Collection[str], now: datetime) -> AccountRoom:
        """`ours` are the suffixes of admitted environments: their resources are not counted as
        those of others.

        Raises nothing: if AWS does not answer, the other quotas are not asked for. The deployment
        then fails if one is too small, so this must not stop every branch.
        """
        use = OthersUse(client=self.client, now=now, ours={*ours, *self.trunk})
        rooms, unchecked = [], []
        codes = self._codes()
        for quota in codes:
            try:
                rooms.append(self._read(quota, use, count=len(ours)))
            except ClientError as error:
                unchecked.append(f"{quota.label}: {error}")
            except BotoCoreError as error:
                left = codes[codes.index(quota) :]
                unchecked += [f"{other.label}: {error}" for other in left]
                break
        return AccountRoom(rooms=tuple(rooms), unchecked=tuple(unchecked))

    def _codes(self) -> list[AccountQuota]:
        needed = {*self.needed, *(code for needs in self.trunk.values() for code in needs)}
        return [quota for code, quota in QUOTAS.items() if code in needed]

    def _read(self, quota: AccountQuota, use: OthersUse, *, count: int) -> QuotaRoom:
        needed = self.needed.get(quota.code, 0)
        trunk = sum(self._of_trunk(quota))
        return QuotaRoom(
            quota=quota,
            value=quota_value(self.client, quota),
            others=use.of(quota, ours_need=trunk + count * needed),
            trunk=trunk,
            needed=needed,
        )

    def _of_trunk(self, quota: AccountQuota) -> Iterator[float]:
        return (needs.get(quota.code, 0) for needs in self.trunk.values())


def quota_value(client: Callable[[str], Any], quota: AccountQuota) -> float:
    """The account's value, or AWS's default where the account has none of its own."""
    if quota is LAMBDA_EXECUTIONS:
        # Service Quotas may still show the default for a new account that has less.
        settings = client("lambda").get_account_settings()
        return float(settings["AccountLimit"]["ConcurrentExecutions"])
    service_quotas = client("service-quotas")
    asked = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        answer = service_quotas.get_service_quota(**asked)
    except service_quotas.exceptions.NoSuchResourceException:
        answer = service_quotas.get_aws_default_service_quota(**asked)
    return float(answer["Quota"]["Value"])
