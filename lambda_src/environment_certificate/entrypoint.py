"""Wires the environment certificate; its only file that reads the environment."""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from lambda_src.environment_certificate.authority import AuthoritySecret
from lambda_src.environment_certificate.lifecycle import on_event
from lambda_src.environment_certificate.settings import (
    CERTIFICATE,
    EnvironmentCertificateSettings,
)
from lambda_src.shared.invocation import Context, clock_of

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

_AWS = Config(
    connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5}
)


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """`on_event` of CDK's custom resource provider, and the target of the schedule."""
    settings = EnvironmentCertificateSettings.from_env(os.environ)
    return on_event(
        event,
        acm=_acm(),
        authority_secret=AuthoritySecret(
            secrets=_secrets(),
            arn=settings.authority_secret_arn,
            common_name=f"{CERTIFICATE}-{settings.environment_suffix}",
        ),
        now=partial(datetime.now, UTC),
        pause=time.sleep,
        seconds_left=clock_of(context),
    )


@cache
def _acm() -> "ACMClient":
    return boto3.client("acm", config=_AWS)


@cache
def _secrets() -> "SecretsManagerClient":
    return boto3.client("secretsmanager", config=_AWS)
