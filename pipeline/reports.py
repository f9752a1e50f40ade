"""Report groups for test results and coverage; deleted with the pipeline."""

from typing import Any, Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.naming import EnvironmentSuffix

# Files that `make check-deployed` writes.
FOLDER: Final = "reports"
UNIT_TESTS: Final = "junit.xml"
COVERAGE: Final = "coverage.xml"


class TestReports(Construct):
    """Our own groups: those that CodeBuild creates remain after the stack."""

    __test__ = False

    def __init__(self, scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix) -> None:
        super().__init__(scope, construct_id)
        self._tests = self._group(
            "UnitTests", suffix, "transaction-unit-tests", codebuild.ReportGroupType.TEST
        )
        self._coverage = self._group(
            "Coverage", suffix, "transaction-coverage", codebuild.ReportGroupType.CODE_COVERAGE
        )

    def build_spec(self) -> dict[str, Any]:
        """The `reports` section of a build specification."""
        return {
            self._tests.report_group_arn: _report(UNIT_TESTS, "JUNITXML"),
            self._coverage.report_group_arn: _report(COVERAGE, "COBERTURAXML"),
        }

    def may_write(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            actions=[
                "codebuild:BatchPutCodeCoverages",
                "codebuild:BatchPutTestCases",
                "codebuild:CreateReport",
                "codebuild:UpdateReport",
            ],
            resources=[self._tests.report_group_arn, self._coverage.report_group_arn],
        )

    def _group(
        self,
        construct_id: str,
        suffix: EnvironmentSuffix,
        name: str,
        kind: codebuild.ReportGroupType,
    ) -> codebuild.ReportGroup:
        return codebuild.ReportGroup(
            self,
            construct_id,
            report_group_name=suffix.physical_name(name),
            type=kind,
            delete_reports=True,
            removal_policy=RemovalPolicy.DESTROY,
        )


def _report(file: str, file_format: str) -> dict[str, Any]:
    return {"base-directory": FOLDER, "files": [file], "file-format": file_format}
