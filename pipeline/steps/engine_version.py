"""Asks AWS before the synth whether the requested database version can be created.

A build runs it as `make engine-version ENGINE_VERSION=15.8`. It writes the result to
`cdk.context.json`, which the next synth reads and which is never committed.
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
# AWS has no narrower resource; the action reads only public information.
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

    Returns `wanted` also if AWS lists no version (an emulator) or does not answer; an unavailable
    version then fails the deployment. Raises ConfigurationError if AWS has neither.
    """
    try:
        offered = _offered(rds)
    except (BotoCoreError, ClientError) as error:
        return Answer(
            version=wanted, line=f"{wanted} as requested; AWS could not be asked: {error}"
        )
    if wanted in offered:
        return Answer(version=wanted, line=f"{wanted} as requested; AWS can create it")
    if not offered:
        return Answer(version=wanted, line=f"{wanted} as requested; no versions are listed here")
    major, minor = _parts(wanted)
    newer = sorted(v for v in map(_parts, offered) if v[0] == major and v[1] > minor)
    if not newer:
        raise ConfigurationError(
            f"auroraEngineVersion is {wanted!r}: AWS creates neither it nor a newer {major}.x here"
        )
    version = f"{major}.{newer[0][1]}"
    return Answer(
        version=version, line=f"{version}: {wanted} was requested, but AWS no longer creates it"
    )


def main(
    arguments: Sequence[str], *, rds: "RDSClient | None" = None, file: Path = CONTEXT_FILE
) -> None:
    """Write the version to `file` and keep its other contents. Exits with one line on an error."""
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
