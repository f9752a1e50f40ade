"""The deployment applies the migrations before it deploys the code that needs them."""

from typing import Final

from aws_cdk import Duration, triggers
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.database import Database
from infra.lambda_code import LambdaSource
from infra.naming import EnvironmentSuffix
from infra.python_function import Placement, PythonFunction
from infra.trust import LAMBDA_TRUST, ca_file_for_functions
from lambda_src.schema_migrator.settings import SchemaMigratorSettings

# An index that is built while others write takes long. Less than the 900 s that Lambda allows: the
# trigger's own function waits for this one.
TIMEOUT_SECONDS: Final = 840
MIGRATOR_SOURCE: Final = LambdaSource(
    module="lambda_src.schema_migrator.entrypoint",
    also=(("app_service/migrations", "app_service/migrations"), LAMBDA_TRUST),
)


class SchemaMigrator(Construct):
    """Runs in every deployment that changes its code or a migration, and fails it on errors.

    `before` lists the resources that need the schema, `after` those that the migrator needs.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        database: Database,
        placement: Placement,
        key: kms.IKey,
        after: list[Construct],
        before: list[Construct],
    ) -> None:
        super().__init__(scope, construct_id)

        migrator = PythonFunction(
            self,
            "Migrator",
            suffix=suffix,
            name="schema-migrator",
            description=f"Applies the migrations of {suffix} and lets its roles log in",
            source=MIGRATOR_SOURCE,
            environment=SchemaMigratorSettings(
                migrator_secret_arn=database.administrator_secret.secret_arn,
                service_secret_arn=database.service_secret.secret_arn,
                processor_secret_arn=database.processor_secret.secret_arn,
                auditor_secret_arn=database.auditor_secret.secret_arn,
                database_writer_host=database.writer_host,
                database_port=database.port,
                database_name=database.name,
                database_ca_file=ca_file_for_functions(database.ca_file),
            ).to_env(),
            timeout_seconds=TIMEOUT_SECONDS,
            key=key,
            placement=placement,
        )
        self.function = migrator.function
        for secret in (
            database.administrator_secret,
            database.service_secret,
            database.processor_secret,
            database.auditor_secret,
        ):
            secret.grant_read(self.function)

        trigger = triggers.Trigger(
            self,
            "Trigger",
            handler=self.function,
            timeout=Duration.seconds(TIMEOUT_SECONDS),
            invocation_type=triggers.InvocationType.REQUEST_RESPONSE,
        )
        trigger.execute_after(*database.first_needed, *after)
        trigger.execute_before(*before)
