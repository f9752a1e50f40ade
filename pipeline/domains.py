"""The `domains` key of the context: name and certificate for each kind of environment."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from infra.config import EPHEMERAL, KINDS, PRODUCTION
from infra.domain import ANY_SUFFIX, DomainConfig, HostedZone
from infra.errors import ConfigurationError
from infra.naming import SUFFIX_LENGTH_MAX
from pipeline.context_values import json_object, text_field

KEY: Final = "domains"
NAME_LENGTH_MAX: Final = 253

# Each ephemeral environment needs its own name, so the name must contain the suffix.
_SHARED: Final = EPHEMERAL.kind
_KINDS: Final = tuple(config.kind for config in KINDS)
_FIELDS: Final = ("name", "certificateArn", "hostedZoneId", "hostedZoneName")

_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"(\*\.)?({_LABEL}\.)+{_LABEL}")
_CERTIFICATE: Final = re.compile(r"arn:aws[a-z-]*:acm:([a-z0-9-]+):([0-9]{12}):certificate/[\w-]+")
_ZONE_ID: Final = re.compile(r"Z[A-Z0-9]{1,31}")


def parse_domains(
    value: object, *, region: str, account: str | None, production_account: str | None
) -> dict[str, DomainConfig]:
    """Read the key: an object by kind of environment, or its JSON text from the command line.

    An account is None if it is not known before the deployment.

    Raises ConfigurationError, which names the field, its value and the rule.
    """
    by_kind = json_object(KEY, value)
    _only(KEY, by_kind, _KINDS)
    return {
        kind: _domain(
            f"{KEY}.{kind}",
            fields,
            is_shared=kind == _SHARED,
            region=region,
            account=(production_account if kind == PRODUCTION.kind else None) or account,
        )
        for kind, fields in by_kind.items()
    }


def of_ephemeral(domains: Mapping[str, DomainConfig]) -> dict[str, DomainConfig]:
    """Return only the domain of environments of branches."""
    return {kind: domain for kind, domain in domains.items() if kind == EPHEMERAL.kind}


def to_json(domains: Mapping[str, DomainConfig]) -> dict[str, dict[str, str]]:
    """Return the JSON that `parse_domains` reads."""
    return {
        kind: {
            "name": domain.name,
            "certificateArn": domain.certificate_arn,
            **(
                {"hostedZoneId": domain.zone.id, "hostedZoneName": domain.zone.name}
                if domain.zone is not None
                else {}
            ),
        }
        for kind, domain in domains.items()
    }


def _domain(
    where: str, fields: Any, *, is_shared: bool, region: str, account: str | None
) -> DomainConfig:
    if not isinstance(fields, dict):
        raise ConfigurationError(
            f"{where} is {fields!r}: it must be an object with name and certificateArn"
        )
    _only(where, fields, _FIELDS)
    name = text_field(
        where, fields, "name", _NAME, "a DNS name in lower case, like pay.example.com"
    )
    _check_star(where, name, is_shared=is_shared)
    certificate = text_field(
        where, fields, "certificateArn", _CERTIFICATE, "the ARN of a certificate in ACM"
    )
    _check_certificate(where, certificate, region=region, account=account)
    zone = _zone(where, fields, name)
    if is_shared and zone is None:
        raise ConfigurationError(
            f"{where}.hostedZoneId is None: it must be the id of a hosted zone, with "
            "hostedZoneName: every environment has its own load balancer, and the tests of its "
            "first run find it by a record in that zone"
        )
    return DomainConfig(name=name, certificate_arn=certificate, zone=zone)


def _check_certificate(where: str, arn: str, *, region: str, account: str | None) -> None:
    """A load balancer takes only certificates of its own region and account."""
    found = _CERTIFICATE.fullmatch(arn)
    wanted = {1: region, 2: account}
    for part, needed in wanted.items():
        if found is not None and needed is not None and found[part] != needed:
            raise ConfigurationError(
                f"{where}.certificateArn is {arn!r}: it must be in {needed}, "
                "where the load balancer is"
            )


def _check_star(where: str, name: str, *, is_shared: bool) -> None:
    if is_shared and not name.startswith(f"{ANY_SUFFIX}."):
        raise ConfigurationError(
            f"{where}.name is {name!r}: it must begin with `{ANY_SUFFIX}.`, which each environment "
            "replaces by its suffix"
        )
    if not is_shared and name.startswith(ANY_SUFFIX):
        raise ConfigurationError(
            f"{where}.name is {name!r}: it must have no `*`, because there is one such environment"
        )
    if len(name) + SUFFIX_LENGTH_MAX > NAME_LENGTH_MAX:
        raise ConfigurationError(
            f"{where}.name is {name!r} ({len(name)} characters): with a suffix of "
            f"{SUFFIX_LENGTH_MAX} it would be longer than {NAME_LENGTH_MAX}"
        )


def _zone(where: str, fields: dict[str, Any], name: str) -> HostedZone | None:
    if "hostedZoneId" not in fields and "hostedZoneName" not in fields:
        return None
    zone = HostedZone(
        id=text_field(where, fields, "hostedZoneId", _ZONE_ID, "a zone's id, like Z0123456789AB"),
        name=text_field(
            where, fields, "hostedZoneName", _NAME, "the zone's name, like example.com"
        ),
    )
    if name != zone.name and not name.endswith(f".{zone.name}"):
        raise ConfigurationError(
            f"{where}.hostedZoneName is {zone.name!r}: {name} does not end with it"
        )
    return zone


def _only(where: str, value: Mapping[str, object], known: Collection[str]) -> None:
    for key in value:
        if key not in known:
            raise ConfigurationError(f"{where} has {key!r}: it may have {', '.join(known)}")
