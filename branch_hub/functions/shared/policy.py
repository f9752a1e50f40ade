"""The rule for protected branches, of which the hub deletes nothing."""

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from lambda_src.shared.branch_suffix import suffix_of_branch


class InvalidPatterns(ValueError):
    """The protected branches are not a JSON array of patterns."""


@dataclass(frozen=True, kw_only=True)
class BranchPolicy:
    """The trunk and every branch that matches a pattern of `protected`."""

    trunk: str
    protected: tuple[str, ...]

    @classmethod
    def parse(cls, *, trunk: str, protected: str) -> Self:
        """Raises InvalidPatterns: an unreadable list must not mean that nothing is protected."""
        try:
            patterns = json.loads(protected)
        except ValueError:
            patterns = None
        if not isinstance(patterns, list) or not all(isinstance(p, str) and p for p in patterns):
            raise InvalidPatterns(
                f"protected branches are {protected[:80]!r}: a JSON array of patterns is needed"
            )
        return cls(trunk=trunk, protected=tuple(patterns))

    def protects(self, branch: str) -> bool:
        return branch == self.trunk or any(fnmatchcase(branch, p) for p in self.protected)

    def protects_suffix(self, suffix: str) -> bool:
        """For an environment whose branch is unknown: the trunk's suffix is always known."""
        return suffix == suffix_of_branch(self.trunk)
