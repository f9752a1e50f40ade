"""S60, B4: every branch has a valid suffix; two branches share one only if their hashes do."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import ConfigurationError
from infra.naming import LOAD_BALANCER_NAME_MAX, EnvironmentSuffix

# Any text, also surrogates: they stand for bytes of a name that cannot be decoded.
BRANCHES = st.text(st.characters(), min_size=1, max_size=300).filter(
    lambda name: not name.startswith("refs/")
)


@given(BRANCHES)
def test_s60_every_branch_has_a_valid_suffix(branch: str) -> None:
    suffix = EnvironmentSuffix.of_branch(branch)

    assert len(suffix.value) <= 16
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", suffix.value)
    # The override `environmentSuffix` accepts it, too.
    assert EnvironmentSuffix(suffix.value) == suffix


@pytest.mark.parametrize(
    ("one", "other"),
    [("feature/a", "feature-a"), ("Main", "main"), ("é", "e\N{COMBINING ACUTE ACCENT}")],
)
def test_b4_branches_with_the_same_slug_differ(one: str, other: str) -> None:
    suffixes = [EnvironmentSuffix.of_branch(branch).value for branch in (one, other)]

    assert suffixes[0].rpartition("-")[0] == suffixes[1].rpartition("-")[0]
    assert suffixes[0] != suffixes[1]


@pytest.mark.parametrize(
    ("branch", "slug"),
    [
        ("main", "main"),
        ("feature/PAY-12 refunds", "feature-p"),
        ("feature//x", "feature-x"),
        ("abcdefgh/ij", "abcdefgh"),  # no hyphen remains at the cut
        ("Übergröße", "ubergroe"),
        ("支付", "branch"),
    ],
)
def test_the_slug_is_readable(branch: str, slug: str) -> None:
    assert EnvironmentSuffix.of_branch(branch).value.rpartition("-")[0] == slug


def test_a_suffix_never_changes_for_a_branch() -> None:
    """If the rule changed, every existing environment would get a second one."""
    assert str(EnvironmentSuffix.of_branch("main")) == "main-v4grq1"


@pytest.mark.parametrize("branch", ["", "refs/heads/main"])
def test_an_invalid_branch_name_is_refused(branch: str) -> None:
    with pytest.raises(ConfigurationError, match="without refs/heads/"):
        EnvironmentSuffix.of_branch(branch)


def test_s8_the_hub_of_a_repository_has_its_own_suffix() -> None:
    suffixes = {EnvironmentSuffix.of_repository(name).value for name in ("us/one", "us/two")}

    assert len(suffixes) == 2
    assert all(re.fullmatch(r"hub-[0-9a-v]{6}", suffix) for suffix in suffixes)
    assert EnvironmentSuffix.of_repository("transaction-pipeline").value == "hub-fedge4"


def test_a_repository_without_a_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="its name is needed"):
        EnvironmentSuffix.of_repository("")


@pytest.mark.parametrize("value", ["", "Dev", "a--b", "-a", "a-", "a_b", "a" * 17, "dév", "dev\n"])
def test_a_suffix_that_a_service_does_not_accept_is_refused(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"environmentSuffix is .*1 to 16 of a-z"):
        EnvironmentSuffix(value)


def test_s60_a_name_is_its_base_and_the_suffix() -> None:
    assert EnvironmentSuffix("dev").physical_name("transaction-alb") == "transaction-alb-dev"


def test_s60_a_base_that_is_too_long_for_the_longest_suffix_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 32"):
        EnvironmentSuffix("dev").physical_name("transaction-balan", longest=LOAD_BALANCER_NAME_MAX)


@pytest.mark.parametrize("base", ["", "Alb", "alb-", "1alb", "a b"])
def test_an_invalid_base_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match="lower-case words"):
        EnvironmentSuffix("dev").physical_name(base)


def test_s60_a_bucket_name_holds_the_account_because_it_is_global() -> None:
    name = EnvironmentSuffix("dev").global_name("transaction-audit", account="123456789012")

    assert name == "transaction-audit-123456789012-dev"


def test_s60_a_bucket_base_that_is_too_long_for_the_longest_suffix_is_refused() -> None:
    with pytest.raises(ValueError, match="too long for a bucket"):
        EnvironmentSuffix("dev").global_name("a" * 34, account="123456789012")
