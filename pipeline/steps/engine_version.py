"""Asks AWS whether the database's version can be created, before the synth that names it.

A build runs it as `make engine-version ENGINE_VERSION=15.8`. What it finds goes to
`cdk.context.json`, which the synth that follows reads, and which no commit holds.
"""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.errors import ConfigurationError

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

CONTEXT_KEY: Final = "creatableEngineVersion"
CONTEXT_FILE: Final = Path("cdk.context.json")
# Has no narrower resource, and only reads what AWS offers to everyone.
ACTION: Final = "rds:DescribeOrderableDBInstanceOptions"
_VERSION: Final = re.compile(r"(\d+)\.(\d+)")
_AWS: Final = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The version to create, and a line for the log."""

    version: str
    line: str


def creatable_version(rds: "RDSClient", wanted: str) -> Answer:
    """Return `wanted`, or the lowest newer minor version that AWS creates serverless.

    Where AWS lists no version at all (an emulator), or does not answer, `wanted` stands: the
    deployment will find out. Raises ConfigurationError where AWS has neither.
    """
    try:
        offered = _offered(rds)
    except (BotoCoreError, ClientError) as error:
        return Answer(version=wanted, line=f"{wanted} as asked for; AWS could not say: {error}")
    if wanted in offered:
        return Answer(version=wanted, line=f"{wanted} as asked for; AWS can create it")
    if not offered:
        return Answer(version=wanted, line=f"{wanted} as asked for; no versions are listed here")
    major, minor = _parts(wanted)
    newer = sorted(v for v in map(_parts, offered) if v[0] == major and v[1] > minor)
    if not newer:
        raise ConfigurationError(
            f"auroraEngineVersion is {wanted!r}: AWS creates neither it nor a newer {major}.x here"
        )
    version = f"{major}.{newer[0][1]}"
    return Answer(
        version=version, line=f"{version}: {wanted} was asked for, AWS creates it no more"
    )


def main(
    arguments: Sequence[str], *, rds: "RDSClient | None" = None, file: Path = CONTEXT_FILE
) -> None:
    """Write the version to `file`, beside what else it holds. Exits with one line on an error."""
    (wanted,) = arguments
    try:
        answer = creatable_version(rds or boto3.client("rds", config=_AWS), wanted)
    except ConfigurationError as error:
        sys.exit(f"error: {error}")
    context = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**context, CONTEXT_KEY: answer.version}, indent=2) + "\n")
    sys.stdout.write(f"Aurora PostgreSQL {answer.line}\n")


def _offered(rds: "RDSClient") -> set[str]:
    pages = rds.get_paginator("describe_orderable_db_instance_options").paginate(
        Engine="aurora-postgresql", DBInstanceClass="db.serverless"
    )
    return {
        option["EngineVersion"]
        for page in pages
        for option in page["OrderableDBInstanceOptions"]
        if _VERSION.fullmatch(option["EngineVersion"])
    }


def _parts(version: str) -> tuple[int, int]:
    major, minor = version.split(".")
    return int(major), int(minor)
