"""Whether a drill runs in an environment: an experiment of AWS Fault Injection Service (FIS)."""

from typing import TYPE_CHECKING, Final

from lambda_src.shared.stack_tags import ENVIRONMENT_TAG

if TYPE_CHECKING:
    from mypy_boto3_fis import FISClient

_ENDED: Final = ("completed", "stopped", "failed", "cancelled")


class Drills:
    """Needs `fis:ListExperiments`."""

    def __init__(self, *, fis: "FISClient") -> None:
        self._fis = fis

    def is_running(self, suffix: str) -> bool:
        pages = self._fis.get_paginator("list_experiments").paginate()
        return any(
            experiment.get("tags", {}).get(ENVIRONMENT_TAG) == suffix
            and experiment["state"]["status"] not in _ENDED
            for page in pages
            for experiment in page["experiments"]
        )
