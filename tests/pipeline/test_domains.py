"""S30, S68: the domain name of each kind of environment, and the values that are refused."""

import json
from typing import Any

import pytest

from infra.domain import DomainConfig, HostedZone
from infra.errors import ConfigurationError
from infra.naming import EnvironmentSuffix
from pipeline.domains import parse_domains, to_json

ARN = "arn:aws:acm:us-east-1:111111111111:certificate/0a1b-2c3d"
STAGING = {"name": "staging.pay.example.com", "certificateArn": ARN}
ZONE = {"hostedZoneId": "Z0123456789AB", "hostedZoneName": "example.com"}
EPHEMERAL = {"name": "*.dev.example.com", "certificateArn": ARN, **ZONE}


HERE, THERE = "111111111111", "222222222222"


def parse(
    value: object, *, account: str | None = None, production_account: str | None = None
) -> dict[str, DomainConfig]:
    return parse_domains(
        value, region="us-east-1", account=account, production_account=production_account
    )


@pytest.mark.parametrize("nothing", [None, "", {}, "{}"])
def test_s30_by_default_no_environment_has_a_domain(nothing: object) -> None:
    assert parse(nothing) == {}


def test_s30_each_kind_of_environment_has_its_own_domain() -> None:
    said = {"staging": STAGING, "ephemeral": EPHEMERAL}

    domains = parse(json.dumps(said))

    assert domains == parse(said)
    assert domains["staging"].host(EnvironmentSuffix("staging")) == "staging.pay.example.com"
    assert domains["ephemeral"].host(EnvironmentSuffix("x-0a1b2c")) == "x-0a1b2c.dev.example.com"


@pytest.mark.parametrize("zone", [{}, ZONE])
def test_s30_domains_are_unchanged_after_writing_and_reading(zone: dict[str, str]) -> None:
    said = {"staging": {**STAGING, **zone}}

    assert to_json(parse(said)) == said


def test_s30_a_record_is_created_if_a_zone_is_given() -> None:
    assert parse({"staging": STAGING})["staging"].zone is None
    assert parse({"staging": {**STAGING, **ZONE}})["staging"].zone == HostedZone(
        id="Z0123456789AB", name="example.com"
    )
    same = {**STAGING, **ZONE, "hostedZoneName": STAGING["name"]}
    assert parse({"production": same})["production"].zone is not None


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("{", r"domains is '\{': it must be a JSON object"),
        (["staging"], r"domains is \['staging'\]: it must be an object"),
        ({"prod": STAGING}, "domains has 'prod': it may have ephemeral, .*production"),
        ({"staging": "x"}, "domains.staging is 'x': it must be an object with name and cert"),
        ({"staging": {**STAGING, "zone": "x"}}, "domains.staging has 'zone': it may have name,"),
        ({"staging": {"certificateArn": ARN}}, "domains.staging.name is None: it must be a DNS"),
    ],
)
def test_s68_a_value_that_is_no_domain_is_refused_with_its_key(
    value: object, complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        parse(value)


@pytest.mark.parametrize(
    ("kind", "fields", "complaint"),
    [
        ("staging", {"name": "Pay.example.com"}, "name is 'Pay.example.com': it must be a DNS"),
        ("staging", {"name": "localhost"}, "name is 'localhost': it must be a DNS name"),
        ("staging", {"name": "a_b.example.com"}, "name is 'a_b.example.com'"),
        ("staging", {"name": f"{'a' * 64}.example.com"}, "it must be a DNS name"),
        ("staging", {"name": "*.example.com"}, "it must have no `\\*`"),
        ("ephemeral", {}, r"must begin with `\*\.`, which each environment replaces"),
        ("staging", {"name": "a." * 120 + "com"}, r"\(243 characters\): with a suffix of 16"),
        ("staging", {"certificateArn": "x"}, "certificateArn is 'x': it must be the ARN of a"),
        (
            "staging",
            {"certificateArn": ARN.replace("us-east-1", "eu-west-1")},
            "it must be in us-east-1, where the load balancer is",
        ),
        ("staging", {"hostedZoneId": "Z0123456789AB"}, "hostedZoneName is None: it must be the"),
        ("staging", {"hostedZoneName": "example.com"}, "hostedZoneId is None: it must be a zone's"),
        ("staging", {**ZONE, "hostedZoneId": "0"}, "hostedZoneId is '0': it must be a zone's id"),
        (
            "staging",
            {**ZONE, "hostedZoneName": "xample.com"},
            "hostedZoneName is 'xample.com': staging.pay.example.com does not end with it",
        ),
    ],
)
def test_s68_a_wrong_field_is_refused_with_its_value_and_rule(
    kind: str, fields: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"domains\.{kind}\..*{complaint}"):
        parse({kind: {**STAGING, **fields}})


def test_s68_ephemeral_environments_need_a_zone_for_their_records() -> None:
    """Each has its own load balancer; its tests use the domain name minutes after its creation."""
    without = {key: EPHEMERAL[key] for key in ("name", "certificateArn")}

    with pytest.raises(
        ConfigurationError,
        match=r"domains\.ephemeral\.hostedZoneId is None: .* its own load balancer",
    ):
        parse({"ephemeral": without})


@pytest.mark.parametrize(
    ("kind", "fields", "account", "production_account", "owner"),
    [
        ("production", STAGING, HERE, None, HERE),
        ("production", STAGING, HERE, THERE, THERE),
        ("production", STAGING, None, None, None),
        ("staging", STAGING, HERE, THERE, HERE),
        ("ephemeral", EPHEMERAL, HERE, THERE, HERE),
    ],
)
def test_s68_a_certificate_is_in_the_account_of_its_load_balancer(
    kind: str,
    fields: dict[str, str],
    account: str | None,
    production_account: str | None,
    owner: str | None,
) -> None:
    for having in (HERE, THERE, "333333333333"):
        arn = ARN.replace(HERE, having)
        said = {kind: {**fields, "certificateArn": arn}}
        if owner in (None, having):
            found = parse(said, account=account, production_account=production_account)
            assert found[kind].certificate_arn == arn
        else:
            complaint = rf"domains\.{kind}\.certificateArn is '{arn}': it must be in {owner}"
            with pytest.raises(ConfigurationError, match=complaint):
                parse(said, account=account, production_account=production_account)
