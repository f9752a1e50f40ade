"""What a certificate is asked to be: the properties of the custom resource."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

_NAMES_MAX = 8  # a custom resource answers with at most 4 KB
_VALIDITY_DAYS_MAX = 825  # clients refuse certificates that are valid for longer
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DNS_NAME = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")
_AUTHORITY = re.compile(r"[a-z0-9-]{1,32}")


class InvalidProperties(Exception):
    """The template asks for an impossible certificate; the message names the property."""


@dataclass(frozen=True, kw_only=True)
class CertificateRequest:
    """`authority` names the authority: another value replaces it."""

    names: tuple[str, ...]
    validity: timedelta
    authority: str

    @classmethod
    def parse(cls, properties: Mapping[str, Any]) -> "CertificateRequest":
        """Raises InvalidProperties."""
        return cls(
            names=_names(properties.get("Names")),
            validity=timedelta(days=_days(properties.get("ValidityDays"))),
            authority=_authority(properties.get("Authority")),
        )


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= _NAMES_MAX:
        raise InvalidProperties(
            f"Names is {value!r}: a list of 1 to {_NAMES_MAX} names or addresses is needed"
        )
    for name in value:
        if not isinstance(name, str) or not (_is_address(name) or _is_dns_name(name)):
            raise InvalidProperties(f"Names holds {name!r}: neither a DNS name nor an IP address")
    return tuple(value)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_dns_name(name: str) -> bool:
    # A last label of digits only is a wrong address, not a name.
    is_numeric = name.rsplit(".", 1)[-1].isdigit()
    return len(name) <= 253 and not is_numeric and _DNS_NAME.fullmatch(name) is not None


def _days(value: Any) -> int:
    days = int(value) if re.fullmatch(r"[0-9]{1,4}", str(value)) else 0
    if not 1 <= days <= _VALIDITY_DAYS_MAX:
        raise InvalidProperties(
            f"ValidityDays is {value!r}: a whole number from 1 to {_VALIDITY_DAYS_MAX} is needed"
        )
    return days


def _authority(value: Any) -> str:
    if not isinstance(value, str) or not _AUTHORITY.fullmatch(value):
        raise InvalidProperties(
            f"Authority is {value!r}: 1 to 32 of a-z, 0-9 and hyphens are needed"
        )
    return value
