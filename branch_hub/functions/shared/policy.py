"""Which branches the hub never takes anything from."""

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
        """Raises InvalidPatterns: a list that cannot be read must not protect nothing."""
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
        """For an environment whose branch nobody knows: the trunk's is known all the same."""
        return suffix == suffix_of_branch(self.trunk)
