"""B2: protected branches are never touched."""

import pytest

from branch_hub.functions.shared.policy import BranchPolicy, InvalidPatterns
from lambda_src.shared.branch_suffix import suffix_of_branch

POLICY = BranchPolicy.parse(trunk="main", protected='["release/*", "lts"]')


@pytest.mark.parametrize("branch", ["main", "release/1", "release/1/hotfix", "lts"])
def test_b2_the_trunk_and_branches_that_match_a_pattern_are_protected(branch: str) -> None:
    assert POLICY.protects(branch)


@pytest.mark.parametrize("branch", ["Main", "feature/main", "release", "lts2", "RELEASE/1"])
def test_b2_a_branch_with_a_similar_name_is_not_protected(branch: str) -> None:
    assert not POLICY.protects(branch)


def test_b2_the_trunks_suffix_is_protected_without_its_branch() -> None:
    assert POLICY.protects_suffix(suffix_of_branch("main"))
    assert not POLICY.protects_suffix(suffix_of_branch("feature"))


@pytest.mark.parametrize("text", ["", "release/*", '"release/*"', "[1]", '[""]', "{}"])
def test_b2_unreadable_patterns_are_an_error(text: str) -> None:
    with pytest.raises(InvalidPatterns, match="a JSON array of patterns is needed"):
        BranchPolicy.parse(trunk="main", protected=text)
