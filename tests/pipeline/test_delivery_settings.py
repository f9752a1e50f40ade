"""Every synth repeats the settings of the first deployment; a push can change the defaults."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.config import EPHEMERAL, PRODUCTION, STAGING
from infra.errors import ConfigurationError
from infra.naming import EnvironmentSuffix
from pipeline.delivery_settings import DeliverySettings
from pipeline.domains import parse_domains
from pipeline.promotion import ALL_ENVIRONMENTS, OWN_ENVIRONMENT, RESERVED_SUFFIXES
from tests.delivered import GITHUB, Delivered
from tests.infra.context import CDK_JSON
from tests.pipeline import without_make

DEFAULTS: dict[str, Any] = {
    "branch": "main",
    "trunk": "main",
    "promotion": "production",
    "region": "us-east-1",
    "apiPort": 443,
    "source": {"kind": "codecommit", "repository": "ledger"},
    "productionCertificate": "self-signed",
}


DOMAIN = {
    "name": "staging.example.com",
    "certificateArn": "arn:aws:acm:us-east-1:111111111111:certificate/0a1b",
}
EPHEMERAL_DOMAIN = {
    **DOMAIN,
    "name": "*.dev.example.com",
    "hostedZoneId": "Z0123456789AB",
    "hostedZoneName": "example.com",
}
DOMAIN_THERE = {
    **DOMAIN,
    "certificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/0a1b",
}


def read(**said: object) -> DeliverySettings:
    return DeliverySettings.from_context({**DEFAULTS, **said}.get, defaults=DEFAULTS)


def read_cdk_json() -> DeliverySettings:
    context = {**CDK_JSON, "promotion": "environment"}  # a domain for production is to be set
    return DeliverySettings.from_context(context.get, defaults=CDK_JSON)


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
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_rule(
    key: str, value: object, complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        read(**{key: value})


def test_the_keys_that_identify_a_pipeline_are_always_passed_on() -> None:
    """Otherwise a push that changes a default would change which pipeline it is."""
    assert read().context() == {"branch": "main", "region": "us-east-1"}


def test_every_given_setting_is_passed_on() -> None:
    said = {
        "branch": "release",
        "environmentSuffix": "dev",
        "account": "000000000000",
        "productionAccount": "111111111111",
        "region": "eu-west-1",
        "trunk": "release",
        "promotion": "environment",
        "apiPort": "8443",
        "databaseCaFile": "/ca.pem",
        "auroraEngineVersion": "15.10",
        "alarmEmail": "ops@example.com",
        "notices": "hub",
        "domains": json.dumps({"staging": DOMAIN_THERE}, sort_keys=True, separators=(",", ":")),
        "branches": (
            '{"collect":"report","lifetimeDays":3,"protected":[],"quota":2,"reconcile":"apply"}'
        ),
    }

    assert read(**said).context() == said


EVIL: dict[str, Any] = {
    **DEFAULTS,
    "trunk": "evil",
    "promotion": "production",
    "branches": {"quota": 100, "protected": ["evil"], "reconcile": "apply"},
    "source": {"kind": "codecommit", "repository": "elsewhere"},
    "account": "222222222222",
    "productionAccount": "222222222222",
    "environmentSuffix": "mine",
    "region": "eu-west-1",
    "hub": "also",
    "domains": {"ephemeral": {**EPHEMERAL_DOMAIN, "name": "*.evil.example.com"}},
}


def test_s64_what_is_decided_outside_a_branch_cannot_be_changed_by_its_cdk_json() -> None:
    """Not by the first push, which the hub synthesizes, and not by later ones."""
    decided = read(branches={"quota": 3}, domains={"ephemeral": EPHEMERAL_DOMAIN})

    said = {**decided.branch_context(), "branch": "evil"}
    for _ in range(3):
        pushed = DeliverySettings.from_context({**EVIL, **said}.get, defaults=EVIL)
        assert not pushed.is_trunk
        assert not pushed.has_hub
        assert pushed.promotions == OWN_ENVIRONMENT
        assert pushed.suffix == EnvironmentSuffix.of_branch("evil")
        for field in ("trunk", "promotion", "branches", "source", "account", "region", "domains"):
            assert getattr(pushed, field) == getattr(decided, field), field
        said = pushed.context()


def test_a_branch_may_change_what_belongs_to_its_own_environment() -> None:
    said = {**read().branch_context(), "branch": "feature/x"}
    own = {**DEFAULTS, "apiPort": 8443, "auroraEngineVersion": "15.10", "alarmEmail": "a@b.example"}

    pushed = DeliverySettings.from_context({**own, **said}.get, defaults=own)

    assert (pushed.api_port, pushed.engine_version) == (8443, "15.10")
    assert pushed.alarm_email == "a@b.example"


def test_the_trunk_may_change_by_a_push_what_it_decides_for_branches() -> None:
    said = read().context()
    changed = {**DEFAULTS, "promotion": "environment", "branches": {"quota": 3}}

    pushed = DeliverySettings.from_context({**changed, **said}.get, defaults=changed)

    assert (pushed.promotion, pushed.branches.quota) == ("environment", 3)
    assert json.loads(pushed.branch_context()["branches"])["quota"] == 3


def test_s64_no_branch_is_given_the_production_account() -> None:
    """Neither by its number nor in the certificate of a promoted environment."""
    there = "222222222222"
    certificate = DOMAIN["certificateArn"].replace("111111111111", there)
    told = read(
        account="111111111111",
        productionAccount=there,
        domains={
            "production": {**DOMAIN, "certificateArn": certificate},
            "ephemeral": EPHEMERAL_DOMAIN,
        },
    ).branch_context()

    assert there not in json.dumps(told)
    assert told["productionAccount"] == ""
    assert list(json.loads(told["domains"])) == ["ephemeral"]


def test_every_branch_gets_the_settings_that_belong_to_no_other_branch() -> None:
    told = read(branch="main", environmentSuffix="dev", apiPort="8443").branch_context()

    assert told["notices"] == "hub"
    assert told["apiPort"] == "8443"
    assert told["environmentSuffix"] == ""
    assert "branch" not in told


def test_omitted_fields_of_an_object_are_equal_to_their_defaults() -> None:
    assert "branches" not in read(branches='{"quota": 1}').context()


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


def test_a_default_is_not_passed_on_so_that_a_push_can_change_it() -> None:
    assert "apiPort" not in read(apiPort="443").context()
    assert "domains" not in read().context()
    assert "source" not in read(source=dict(reversed(DEFAULTS["source"].items()))).context()


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)


@given(branch=TEXT.filter(lambda b: not b.startswith("refs/")), path=TEXT.map("/{}".format))
def test_s6_settings_are_unchanged_after_writing_and_reading(branch: str, path: str) -> None:
    """The fixed point of self-mutation: the second synth gives the same context as the first."""
    first = read(
        branch=branch,
        databaseCaFile=path,
        source=GITHUB,
        apiPort="8443",
        alarmEmail="o'ops+x@example.com",
        domains={"staging": DOMAIN},
    )

    second = read(**first.context())

    assert second == first
    assert second.synth_command() == first.synth_command()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Makefile that passes CDK_CONTEXT as the real one does, to a program that lists it."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "Makefile").write_text("synth:\n\t@printf '%s\\0' $(CDK_CONTEXT)\n")
    return folder


@given(branch=TEXT.filter(lambda b: not b.startswith("refs/")), path=TEXT.map("/{}".format))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_s6_make_and_the_shell_pass_the_context_on_unchanged(
    checkout: Path, branch: str, path: str
) -> None:
    delivery = read(branch=branch, databaseCaFile=path, source=GITHUB)

    done = subprocess.run(
        ["/bin/sh", "-c", delivery.synth_command()],
        cwd=checkout,
        env=without_make.environment(),
        capture_output=True,
        check=True,
    )

    flags = done.stdout.decode().rstrip("\0").split("\0")
    assert flags[0::2] == ["-c"] * len(delivery.context())
    assert dict(flag.split("=", 1) for flag in flags[1::2]) == delivery.context()
