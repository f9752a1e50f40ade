"""`make preflight`: checks an account before the first deployment, and changes nothing.

Prints a line for each check: `fine`, `to do` with what to do, or `note` for what cannot be checked
from here. Exits with 1 if something is to do. Settings are those of cdk.json; `-c key=value`
changes one, as for the CDK CLI.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.errors import ConfigurationError
from operations.preflight.account import identity, region
from operations.preflight.bootstrap import bootstrap, production_account
from operations.preflight.domain import domain
from operations.preflight.engine import engine
from operations.preflight.findings import Check, Finding, Kind, Situation, carry_out
from operations.preflight.linked_roles import linked_roles
from operations.preflight.quotas import certificates, quotas, unreserved_executions
from operations.preflight.source import source, token
from operations.preflight.tools import tools
from pipeline.delivery_settings import DeliverySettings

_ROOT: Final = Path(__file__).resolve().parents[2]
_CHECKS: Final[dict[str, Check]] = {
    "identity": identity,
    "region": region,
    "bootstrap": bootstrap,
    "production account": production_account,
    "linked roles": linked_roles,
    "source": source,
    "token": token,
    "quotas": quotas,
    "Lambda": unreserved_executions,
    "certificates": certificates,
    "database": engine,
    "domain": domain,
}
_AWS: Final = Config(
    connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3}
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make preflight", description=__doc__)
    parser.add_argument("-c", dest="context", action="append", default=[], metavar="key=value")
    chosen = parser.parse_args(arguments)
    try:
        settings = read_settings(chosen.context)
        client = partial(boto3.Session(region_name=settings.region).client, config=_AWS)
        account = client("sts").get_caller_identity()["Account"]
    except (ConfigurationError, BotoCoreError, ClientError) as error:
        print(f"preflight: {error}", file=sys.stderr)
        return 1
    return report(Situation(settings=settings, account=account, client=client))


def read_settings(pairs: Sequence[str]) -> DeliverySettings:
    """Raises ConfigurationError."""
    defaults: dict[str, Any] = json.loads((_ROOT / "cdk.json").read_text())["context"]
    given = dict(pair.partition("=")[::2] for pair in pairs)
    return DeliverySettings.from_context({**defaults, **given}.get, defaults=defaults)


def report(situation: Situation) -> int:
    """Print each finding as soon as it is known."""
    todo = 0
    for finding in _findings(situation):
        print(finding, flush=True)
        todo += finding.kind is Kind.TO_DO
    print(f"{situation.environment}: {f'to do: {todo}' if todo else 'ready'}")
    return 1 if todo else 0


def _findings(situation: Situation) -> Iterator[Finding]:
    yield from tools(_ROOT)
    for name, check in _CHECKS.items():
        yield from carry_out(name, check, situation)


if __name__ == "__main__":
    sys.exit(main())
