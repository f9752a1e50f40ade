"""The form of single keys of the context, and the rule of each.

Each function raises ConfigurationError, which names the key, its value and the rule.
"""

import re
from typing import Final

from infra.errors import ConfigurationError
from infra.naming import EnvironmentSuffix
from lambda_src.shared.branch_suffix import HASH_LENGTH, is_branch_suffix
from pipeline.context_values import json_object, matching, missing, one_of, text_value
from pipeline.promotion import RESERVED_SUFFIXES
from pipeline.steps.engine_version import CONTEXT_KEY

BRANCH_LENGTH_MAX: Final = 255
# Values of `hub`: what is synthesized. By default the hub is synthesized with the trunk's pipeline.
HUB_ONLY, HUB_ALSO = "only", "also"

ACCOUNT: Final = re.compile(r"[0-9]{12}")
REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
ENGINE_VERSION: Final = re.compile(r"15\.[0-9]{1,2}")
ABSOLUTE_PATH: Final = re.compile(r"/[^\x00-\x1f\x7f]*")
# Checks the form only: the recipient confirms the address.
EMAIL: Final = re.compile(r"[\w.%+'-]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def parse_engine_versions(value: object) -> dict[str, str]:
    return {
        name: matching(f"{CONTEXT_KEY}.{name}", version, ENGINE_VERSION, "a version 15.x")
        or missing(f"{CONTEXT_KEY}.{name}")
        for name, version in json_object(CONTEXT_KEY, value).items()
    }


def parse_hub(value: object) -> str | None:
    return None if value in (None, "") else one_of("hub", value, (HUB_ONLY, HUB_ALSO))


def parse_branch(key: str, value: object) -> str:
    name = text_value(key, value) or missing(key)
    if len(name) > BRANCH_LENGTH_MAX or _UNPRINTABLE.search(name):
        raise ConfigurationError(
            f"{key} is {name!r} ({len(name)} characters): "
            f"it must be at most {BRANCH_LENGTH_MAX} printable characters"
        )
    return name


def parse_suffix_by_hand(value: object, *, own: EnvironmentSuffix) -> str | None:
    """Refuse a suffix that is or could be another environment's."""
    suffix = text_value("environmentSuffix", value)
    if suffix in RESERVED_SUFFIXES:
        raise ConfigurationError(
            f"environmentSuffix is {suffix!r}: the trunk's environments have the suffixes "
            f"{', '.join(RESERVED_SUFFIXES)}: choose another"
        )
    if suffix is not None and suffix != str(own) and is_branch_suffix(suffix):
        raise ConfigurationError(
            f"environmentSuffix is {suffix!r}: a suffix that ends in a hyphen and {HASH_LENGTH} "
            f"of 0-9 a-v is a branch's, and this branch's is {own}"
        )
    return suffix


def parse_production_account(value: object, *, own: str | None) -> str | None:
    account = matching("productionAccount", value, ACCOUNT, "12 digits")
    if account is not None and own is None:
        raise ConfigurationError(
            f"productionAccount is {account!r}: account must be set too, since a pipeline that "
            "deploys to another account must know its own"
        )
    return account
