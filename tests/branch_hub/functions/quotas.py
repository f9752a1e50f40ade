"""Quotas of an account, as a test sets them, in front of an account of the emulator."""

from typing import Any

import boto3
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.account import Account


class EmptyAccount:
    """An account without any resource, and with AWS's default of Lambda executions. The emulator's
    account is shared with other tests."""

    def client(self, _service: str) -> Any:
        return self

    def get_account_settings(self) -> Any:
        limit = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}
        return {"AccountLimit": limit}

    def get_metric_statistics(self, **_: object) -> Any:
        return {"Datapoints": []}

    def describe_addresses(self) -> Any:
        return {"Addresses": []}

    def get_paginator(self, _operation: str) -> Any:
        return self

    def paginate(self, **_: object) -> list[Any]:
        return []


class FakeQuotas:
    """`values` holds the account's own values by code, `defaults` those of AWS."""

    def __init__(self, account: Account | EmptyAccount) -> None:
        self._account = account
        self.values: dict[str, float] = {}
        self.defaults: dict[str, float] = {}
        self.is_reachable = True
        self.is_denied = False
        self.asked: list[str] = []

    def client(self, service: str) -> Any:
        return self if service == "service-quotas" else self._account.client(service)

    @property
    def meta(self) -> Any:
        return boto3.client("ec2", region_name="us-east-1").meta

    class exceptions:  # noqa: N801 - the name in boto3
        class NoSuchResourceException(Exception): ...

    def get_service_quota(self, *, ServiceCode: str, QuotaCode: str) -> Any:  # noqa: N803
        self.asked.append(f"{ServiceCode} {QuotaCode}")
        if not self.is_reachable:
            raise EndpointConnectionError(endpoint_url="https://servicequotas")
        if self.is_denied:
            raise ClientError(
                {"Error": {"Code": "AccessDeniedException", "Message": "not allowed"}},
                "GetServiceQuota",
            )
        if QuotaCode not in self.values:
            raise self.exceptions.NoSuchResourceException
        return {"Quota": {"Value": self.values[QuotaCode]}}

    def get_aws_default_service_quota(self, *, ServiceCode: str, QuotaCode: str) -> Any:  # noqa: N803
        assert ServiceCode
        return {"Quota": {"Value": self.defaults[QuotaCode]}}
