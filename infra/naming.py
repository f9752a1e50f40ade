"""Names: a branch has a short suffix, and the suffix is part of every physical name."""

import re
from dataclasses import dataclass
from typing import Final, Self

from infra.errors import ConfigurationError
from lambda_src.shared.branch_suffix import (
    HASH_LENGTH,
    SLUG_LENGTH_MAX,
    InvalidBranch,
    suffix_of_branch,
    suffix_of_repository,
)
from lambda_src.shared.stack_tags import ENVIRONMENT_TAG

APPLICATION: Final = "transaction-pipeline"

SUFFIX_LENGTH_MAX: Final = SLUG_LENGTH_MAX + 1 + HASH_LENGTH
ACCOUNT_LENGTH: Final = 12

# Load balancers and target groups have the shortest limit.
LOAD_BALANCER_NAME_MAX: Final = 32
# The next limit: buckets, database clusters and instances.
NAME_MAX: Final = 63

# All services accept words of letters and digits with single hyphens between them.
_SUFFIX: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_BASE: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class EnvironmentSuffix:
    """The end of all names of one environment: at most 16 of `a-z`, `0-9` and `-`."""

    value: str

    def __post_init__(self) -> None:
        if len(self.value) > SUFFIX_LENGTH_MAX or not _SUFFIX.fullmatch(self.value):
            raise ConfigurationError(
                f"environmentSuffix is {self.value!r} ({len(self.value)} characters): it must be "
                f"1 to {SUFFIX_LENGTH_MAX} of a-z, 0-9 and single hyphens between them"
            )

    @classmethod
    def of_branch(cls, branch: str) -> Self:
        """Return the suffix of `branch` (without `refs/heads/`), which never changes.

        Two branches can have the same suffix: the hub refuses the second.
        Raises ConfigurationError for an empty name and for a ref.
        """
        try:
            return cls(suffix_of_branch(branch))
        except InvalidBranch as error:
            raise ConfigurationError(str(error)) from None

    @classmethod
    def of_repository(cls, repository: str) -> Self:
        """Return the suffix of the hub of `repository`. Raises ConfigurationError."""
        try:
            return cls(suffix_of_repository(repository))
        except InvalidBranch as error:
            raise ConfigurationError(str(error)) from None

    def physical_name(self, base: str, *, longest: int = NAME_MAX) -> str:
        """Return `{base}-{suffix}`. Raises ValueError if the longest suffix would not fit."""
        if not _BASE.fullmatch(base):
            raise ValueError(f"base is {base!r}: it must be lower-case words joined by hyphens")
        if len(base) + 1 + SUFFIX_LENGTH_MAX > longest:
            raise ValueError(
                f"base is {base!r} ({len(base)} characters): with a hyphen and a suffix of "
                f"{SUFFIX_LENGTH_MAX} it would be longer than {longest}"
            )
        return f"{base}-{self.value}"

    def global_name(self, base: str, *, account: str) -> str:
        """Return `{base}-{account}-{suffix}` for a bucket: its name is unique in all of AWS."""
        if len(base) + ACCOUNT_LENGTH + SUFFIX_LENGTH_MAX + 2 > NAME_MAX:
            raise ValueError(f"base is {base!r} ({len(base)} characters): too long for a bucket")
        return f"{base}-{account}-{self.value}"

    def tags(self) -> dict[str, str]:
        """Tags that identify every stack of this environment."""
        return {"application": APPLICATION, ENVIRONMENT_TAG: self.value}

    def __str__(self) -> str:
        return self.value


def pascal_case(name: str) -> str:
    """`queue-age` or `queue_age` -> `QueueAge`, as construct ids and metrics are written."""
    return "".join(word.title() for word in re.split("[-_]", name))
