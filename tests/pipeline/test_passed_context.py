"""Every synth repeats the settings of the first deployment; a push can change the defaults."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.naming import EnvironmentSuffix
from pipeline.delivery_settings import DeliverySettings
from pipeline.promotion import OWN_ENVIRONMENT
from tests.delivered import GITHUB
from tests.pipeline import without_make
from tests.pipeline.settings_values import (
    DEFAULTS,
    DOMAIN,
    DOMAIN_THERE,
    EPHEMERAL_DOMAIN,
    read,
)


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
            '{"collect":"report","lifetimeDays":3,"protected":[],"quota":2,"reconcile":"apply",'
            '"sleep":null}'
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
        auditLockDays={"production": 365},
        faultInjection={"staging": True},
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
