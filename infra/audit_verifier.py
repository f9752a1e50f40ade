"""The function that compares ledger, sent batches and audit bucket, once an hour or when asked."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.audit_store import AuditStore
from infra.component_names import AUDIT_VERIFIER, VERIFIER_TIMEOUT_SECONDS
from infra.database import Database
from infra.lambda_code import LambdaSource
from infra.naming import EnvironmentSuffix
from infra.python_function import Placement, PythonFunction
from infra.trust import LAMBDA_TRUST, ca_file_for_functions
from lambda_src.audit_verifier.settings import (
    MISSING_AFTER_SECONDS,
    SCHEDULED,
    AuditVerifierSettings,
)

# It holds some batches and their objects in memory. With this much Lambda gives it a whole core.
MEMORY_MIB: Final = 1769
VERIFIER_SOURCE: Final = LambdaSource(
    module="lambda_src.audit_verifier.entrypoint",
    also=(LAMBDA_TRUST,),
)


class AuditVerifier(Construct):
    """Logs each discrepancy, and a line when it has finished. It only reads: Lambda may repeat it.

    The schedule looks at the last hours; `make verify-audit` at any time.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        database: Database,
        store: AuditStore,
        placement: Placement,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)

        self.function = PythonFunction(
            self,
            "Verifier",
            suffix=suffix,
            name=AUDIT_VERIFIER,
            description=f"Compares the ledger of {suffix} with its audit trail",
            source=VERIFIER_SOURCE,
            environment=AuditVerifierSettings(
                database_secret_arn=database.auditor_secret.secret_arn,
                database_writer_host=database.writer_host,
                database_reader_host=database.reader_host,
                database_port=database.port,
                database_name=database.name,
                database_ca_file=ca_file_for_functions(database.ca_file),
                audit_bucket_name=store.bucket.bucket_name,
                missing_after_seconds=MISSING_AFTER_SECONDS,
                environment_suffix=str(suffix),
            ).to_env(),
            timeout_seconds=VERIFIER_TIMEOUT_SECONDS,
            key=key,
            placement=placement,
            memory_mib=MEMORY_MIB,
        )
        function = self.function.function
        database.auditor_secret.grant_read(function)
        store.grant_verify(function)
        self.rule = events.Rule(
            self,
            "Hourly",
            rule_name=suffix.physical_name("audit-verification"),
            description=f"Verifies the audit trail of {suffix}",
            schedule=events.Schedule.rate(Duration.hours(1)),
            targets=[
                targets.LambdaFunction(
                    function, event=events.RuleTargetInput.from_object(SCHEDULED)
                )
            ],
        )
