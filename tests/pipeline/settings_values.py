"""Context values of which tests make settings."""

from typing import Any

from pipeline.delivery_settings import DeliverySettings
from tests.infra.context import CDK_JSON

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
