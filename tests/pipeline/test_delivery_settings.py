"""What a delivery is, from its context; a wrong value is refused with its key and rule."""

import json
from typing import Any

import pytest

from infra.config import EPHEMERAL, PRODUCTION, STAGING
from infra.errors import ConfigurationError
from pipeline.domains import parse_domains
from pipeline.promotion import ALL_ENVIRONMENTS, OWN_ENVIRONMENT, RESERVED_SUFFIXES
from tests.delivered import Delivered
from tests.pipeline.settings_values import (
    DOMAIN,
    read,
    read_cdk_json,
)


def test_the_real_cdk_json_is_complete() -> None:
    read_back = read_cdk_json()

    assert (read_back.branch, read_back.region, read_back.api_port) == ("main", "us-east-1", 443)
    assert read_back.is_trunk


def test_production_without_a_domain_is_refused_and_the_error_says_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match=r"^domains\.production is missing.*docs/aws\.md"):
        read(productionCertificate=None).require_production_domain()
    here = {**DOMAIN, "name": "pay.example.com"}
    accepted: list[dict[str, Any]] = [
        {"domains": {"production": here}},
        {"productionCertificate": "self-signed"},  # a trial
        # Where nothing is deployed to production.
        {"promotion": "environment"},
        {"branch": "feature/x"},
        {"hub": "only"},
    ]
    for context in accepted:
        read(**{"productionCertificate": None, **context}).require_production_domain()


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        ({"branch": "feature/x", "notices": "hub"}, "branch-notices-hub-"),
        ({"branch": "feature/x"}, None),  # deployed by hand, where there may be no hub
        ({"notices": "hub"}, None),  # the trunk's environments are not the hub's
        ({"notices": "hub", "promotion": "environment"}, None),
    ],
)
def test_a_branch_of_the_hub_uses_the_hubs_topic(said: dict[str, str], topic: str | None) -> None:
    found = read(**said).shared_topic
    assert found == topic or (topic and str(found).startswith(topic))
    assert read(**said).adjust(EPHEMERAL).monitoring.shared_topic == found


def test_s61_by_default_everything_is_in_us_east_1(trunk: Delivered) -> None:
    assert read_cdk_json().region == "us-east-1"
    regions = {
        action["Configuration"].get("Region", action.get("Region", "us-east-1"))
        for actions in trunk.stages.values()
        for action in actions
    }
    manifest = json.loads((trunk.outdir / "manifest.json").read_text())
    environments = {a["environment"] for a in manifest["artifacts"].values() if "environment" in a}
    assert regions == {"us-east-1"}
    assert environments == {"aws://unknown-account/us-east-1"}


def test_the_suffix_is_the_branchs_unless_one_is_given() -> None:
    assert str(read(branch="feature/x").suffix) == "feature-x-5femoa"
    assert str(read(branch="feature/x", environmentSuffix="dev").suffix) == "dev"


def test_b4_no_branch_is_given_the_suffix_of_another() -> None:
    """A suffix given by hand that has the form of a branch's suffix must be the branch's own."""
    assert str(read(environmentSuffix="main-v4grq1").suffix) == "main-v4grq1"


def test_only_the_trunk_is_promoted_and_only_as_far_as_configured() -> None:
    assert read().promotions == ALL_ENVIRONMENTS
    assert read(promotion="environment").promotions == OWN_ENVIRONMENT
    assert read(branch="feature/x").promotions == OWN_ENVIRONMENT


def test_only_the_trunk_is_the_trunk() -> None:
    assert not read(branch="feature/x").is_trunk
    assert read(branch="feature/x", trunk="feature/x").is_trunk


def test_an_environment_config_is_adjusted_to_its_account_and_region() -> None:
    place = read(apiPort="8443", databaseCaFile="/ca.pem", auroraEngineVersion="15.10")

    config = place.adjust(EPHEMERAL)

    assert config.service.api_port == 8443
    assert config.database.ca_file == "/ca.pem"
    assert config.database.engine_version == "15.10"


def test_s30_an_environment_has_the_domain_of_its_kind() -> None:
    place = read(domains={"staging": DOMAIN}, alarmEmail="ops@example.com")

    assert place.adjust(STAGING).domain == parse_domains(
        {"staging": DOMAIN}, region="us-east-1", account=None, production_account=None
    ).get("staging")
    assert place.adjust(PRODUCTION).domain is None
    assert place.adjust(PRODUCTION).monitoring.email == "ops@example.com"


def test_s68_the_certificates_are_in_the_accounts_of_the_deployment() -> None:
    there = "222222222222"
    accounts = {"account": "111111111111", "productionAccount": there}
    own = {**DOMAIN, "certificateArn": DOMAIN["certificateArn"].replace("111111111111", there)}

    assert read(**accounts, domains={"staging": DOMAIN, "production": own}).domains
    with pytest.raises(ConfigurationError, match=rf"domains\.production\..* be in {there}"):
        read(**accounts, domains={"production": DOMAIN})
    with pytest.raises(ConfigurationError, match=r"domains\.staging\..* be in 111111111111"):
        read(**accounts, domains={"staging": own})


def test_s23_an_environment_locks_its_records_only_if_its_kind_is_named() -> None:
    place = read(auditLockDays='{"production": 365}')

    assert place.adjust(PRODUCTION).audit.lock_days == 365
    assert place.adjust(STAGING).audit.lock_days is None
    assert place.adjust(EPHEMERAL).audit.lock_days is None


def test_b7_an_environment_has_drills_only_if_its_kind_is_switched_on() -> None:
    place = read(faultInjection='{"staging": true, "production": false}')

    assert place.adjust(STAGING).has_faults
    assert not place.adjust(PRODUCTION).has_faults
    assert not place.adjust(EPHEMERAL).has_faults


def test_by_default_an_environment_config_is_unchanged() -> None:
    assert read().adjust(EPHEMERAL) == EPHEMERAL


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("branch", "", "branch is missing: set it in cdk.json or with -c branch="),
        ("branch", None, "branch is missing"),
        ("branch", 7, "branch is 7: it must be text"),
        ("branch", "a\nb", r"branch is 'a\\nb' \(3 characters\): it must be at most 255"),
        ("branch", "x" * 256, r"\(256 characters\)"),
        ("branch", "refs/heads/main", "without refs/heads/"),
        ("trunk", None, "trunk is missing"),
        ("environmentSuffix", "Dev", "environmentSuffix is 'Dev'"),
        *(
            (
                "environmentSuffix",
                suffix,
                "the trunk's environments have the suffixes .*: choose another",
            )
            for suffix in RESERVED_SUFFIXES
        ),
        ("environmentSuffix", "other-0a1b2c", "is a branch's, and this branch's is main-v4grq1"),
        ("promotion", None, "promotion is missing"),
        ("promotion", "prod", "promotion is 'prod': it must be one of environment, production"),
        ("account", "1234", "account is '1234': it must be 12 digits"),
        ("account", 123456789012, "it must be text, in quotes in cdk.json"),
        ("productionAccount", "1234", "productionAccount is '1234': it must be 12 digits"),
        ("productionAccount", "111111111111", "account must be set too"),
        ("hub", "yes", "hub is 'yes': it must be one of only, also"),
        ("branches", {"quota": 0}, "branches.quota is 0: it must be a whole number from 1 to 100"),
        ("region", None, "region is missing"),
        ("region", "virginia", "region is 'virginia'"),
        ("apiPort", None, "apiPort is None: it must be a port from 1 to 65535"),
        ("apiPort", 0, "apiPort is 0"),
        ("apiPort", "65536", "apiPort is '65536'"),
        ("apiPort", "https", "apiPort is 'https'"),
        ("apiPort", True, "apiPort is True"),
        ("databaseCaFile", "ca.pem", "databaseCaFile is 'ca.pem': it must be an absolute path"),
        ("auroraEngineVersion", "16.1", "auroraEngineVersion is '16.1': it must be a version 15"),
        ("source", None, "source.kind is None"),
        ("alarmEmail", "ops", "alarmEmail is 'ops': it must be an address, like ops@example.com"),
        ("alarmEmail", 7, "alarmEmail is 7: it must be text"),
        ("productionCertificate", "none", "productionCertificate is 'none': it must be 'self-s"),
        ("notices", "mine", "notices is 'mine': it must be 'hub', or not be set"),
        ("domains", "x", "domains is 'x'"),
        ("faultInjection", "on", "faultInjection is 'on': it must be a JSON object"),
        (
            "faultInjection",
            {"main": True},
            "faultInjection has 'main': it may have ephemeral, staging, production",
        ),
        ("faultInjection", {"staging": "yes"}, "faultInjection.staging is 'yes': it must be true"),
        ("auditLockDays", "x", "auditLockDays is 'x': it must be a JSON object"),
        (
            "auditLockDays",
            {"ephemeral": 1},
            "auditLockDays has 'ephemeral': .* staging, production",
        ),
        ("auditLockDays", {"production": 0}, "auditLockDays.production is 0: it must be a whole"),
        ("auditLockDays", {"production": 36501}, "auditLockDays.production is 36501: .* to 36500"),
        (
            "auditLockDays",
            {"staging": True},
            "auditLockDays.staging is True: .* the bucket is kept",
        ),
        ("auditLockDays", {"staging": "9"}, "auditLockDays.staging is '9': it must be a whole num"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_rule(
    key: str, value: object, complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        read(**{key: value})


@pytest.mark.parametrize(
    ("said", "stacks"),
    [
        ({}, (True, True)),
        ({"branch": "feature/x"}, (False, True)),
        ({"branch": "feature/x", "hub": "also"}, (True, True)),
        ({"branch": "feature/x", "hub": "only"}, (True, False)),
    ],
)
def test_the_hub_is_synthesized_with_the_trunk_and_on_request(
    said: dict[str, str], stacks: tuple[bool, bool]
) -> None:
    settings = read(**said)

    assert (settings.has_hub, settings.has_pipeline) == stacks
    assert not settings.context().get("hub")


def test_only_production_is_in_the_production_account() -> None:
    here, there = "111111111111", "222222222222"
    settings = read(account=here, productionAccount=there)

    accounts = {p.config.kind: settings.account_of(p) for p in settings.promotions}
    assert accounts == {**dict.fromkeys(accounts, here), "production": there}
    assert settings.crosses_accounts
    assert not read(account=here).crosses_accounts
    assert not read(account=here, productionAccount=here).crosses_accounts
    assert not read(account=here, productionAccount=there, branch="x").crosses_accounts
