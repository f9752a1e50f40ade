"""B11: the local cloud answers Service Quotas, and a low quota can be tried at once."""

import json
from pathlib import Path

import pytest

from branch_hub.functions.shared.account_quotas import ELASTIC_IPS
from local_cloud.emulator import codeconnections_api
from local_cloud.emulator.codepipeline_api import ApiError
from local_cloud.emulator.service_quotas_api import ServiceQuotasApi

ASKED = {"ServiceCode": "ec2", "QuotaCode": ELASTIC_IPS.code}
ARN = "arn:aws:codeconnections:us-east-1:000000000000:connection/local"


def test_b11_a_quota_has_the_value_that_a_person_writes(tmp_path: Path) -> None:
    file = tmp_path / "quotas.json"
    api = ServiceQuotasApi(file)
    assert api.call("GetServiceQuota", ASKED)["Quota"]["Value"] > 10 * ELASTIC_IPS.default

    file.write_text(json.dumps({ELASTIC_IPS.code: 5}))

    assert api.call("GetServiceQuota", ASKED)["Quota"]["Value"] == 5


@pytest.mark.parametrize(
    ("operation", "code", "error"),
    [
        ("ListServices", ELASTIC_IPS.code, "UnknownOperationException"),
        ("GetServiceQuota", "L-00000000", "NoSuchResourceException"),
    ],
)
def test_s43_what_is_not_imitated_is_refused(
    tmp_path: Path, operation: str, code: str, error: str
) -> None:
    with pytest.raises(ApiError) as refused:
        ServiceQuotasApi(tmp_path / "none").call(operation, {**ASKED, "QuotaCode": code})

    assert refused.value.code == error


def test_b11_a_local_connection_needs_no_authorisation() -> None:
    answer = codeconnections_api.call("GetConnection", {"ConnectionArn": ARN})

    assert answer["Connection"]["ConnectionStatus"] == "AVAILABLE"
    with pytest.raises(ApiError, match="does not implement CreateConnection"):
        codeconnections_api.call("CreateConnection", {})
