"""The operations of Service Quotas that the branch hub and `make preflight` call.

`<state>/quotas.json` holds values by the code of the quota, such as {"L-0263D0A3": 5}. It is read
for each call, so a low quota can be tried at once. The other quotas have twenty times the default
of AWS, as if their increase had been granted.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from branch_hub.functions.shared.account_quotas import QUOTAS
from local_cloud.emulator.codepipeline_api import ApiError

TARGET = "ServiceQuotasV20190624."
_GRANTED = 20
# Of other quotas that are asked for: imported certificates in a year.
_OTHERS = {"L-3808DC70": 5000.0, "L-D2CB7DE9": 2500.0}


class ServiceQuotasApi:
    def __init__(self, file: Path) -> None:
        self._file = file

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        code = request.get("QuotaCode", "")
        if operation not in ("GetServiceQuota", "GetAWSDefaultServiceQuota"):
            raise ApiError(
                "UnknownOperationException", f"the local cloud does not implement {operation}"
            )
        if code not in QUOTAS and code not in _OTHERS:
            raise ApiError("NoSuchResourceException", f"the local cloud has no quota {code}")
        values = {
            **{known.code: float(known.default * _GRANTED) for known in QUOTAS.values()},
            **_OTHERS,
            **(json.loads(self._file.read_text()) if self._file.exists() else {}),
        }
        return {
            "Quota": {
                "ServiceCode": request["ServiceCode"],
                "QuotaCode": code,
                "Value": values[code],
            }
        }
