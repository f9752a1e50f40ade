"""Whether a drill runs in an environment: an experiment of AWS Fault Injection Service (FIS)."""

from typing import TYPE_CHECKING, Final

from lambda_src.shared.stack_tags import ENVIRONMENT_TAG

if TYPE_CHECKING:
    from mypy_boto3_fis import FISClient

_ENDED: Final = ("completed", "stopped", "failed", "cancelled")


class Drills:
    """Needs `fis:ListExperiments` and `fis:ListExperimentTemplates`.

    An experiment has no tags of its template's: one that is started in the console lacks ours.
    """

    def __init__(self, *, fis: "FISClient") -> None:
        self._fis = fis

    def is_running(self, suffix: str) -> bool:
        pages = self._fis.get_paginator("list_experiments").paginate()
        run = [e for p in pages for e in p["experiments"] if e["state"]["status"] not in _ENDED]
        if not run:
            return False
        if any(experiment.get("tags", {}).get(ENVIRONMENT_TAG) == suffix for experiment in run):
            return True
        templates = self._templates(suffix)
        return any(experiment["experimentTemplateId"] in templates for experiment in run)

    def _templates(self, suffix: str) -> set[str]:
        return {
            template["id"]
            for page in self._fis.get_paginator("list_experiment_templates").paginate()
            for template in page["experimentTemplates"]
            if template.get("tags", {}).get(ENVIRONMENT_TAG) == suffix
        }
