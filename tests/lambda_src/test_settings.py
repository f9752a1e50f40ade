"""What infra writes with `to_env` is what a function reads with `from_env`."""

from dataclasses import dataclass

import pytest

from branch_hub.functions.intake.settings import BranchIntakeSettings
from branch_hub.functions.lifecycle.settings import BranchLifecycleSettings
from branch_hub.functions.pipeline_retry.settings import PipelineRetrySettings
from branch_hub.functions.reconciler.settings import BranchReconcilerSettings
from branch_hub.functions.teardown.settings import BranchTeardownSettings
from lambda_src.audit_writer.settings import AuditWriterSettings
from lambda_src.environment_certificate.settings import EnvironmentCertificateSettings
from lambda_src.schema_migrator.settings import SchemaMigratorSettings
from lambda_src.shared.environment_variables import EnvironmentSettings, InvalidEnvironment
from lambda_src.transaction_processor.settings import TransactionProcessorSettings


@dataclass(frozen=True, kw_only=True)
class Example(EnvironmentSettings):
    queue_url: str
    database_port: int


def test_a_field_is_the_variable_of_its_name_in_capitals() -> None:
    settings = Example(queue_url="https://q", database_port=5432)
    assert settings.to_env() == {"QUEUE_URL": "https://q", "DATABASE_PORT": "5432"}
    assert Example.from_env({**settings.to_env(), "PATH": "/bin"}) == settings


def test_every_missing_or_empty_variable_is_named() -> None:
    with pytest.raises(InvalidEnvironment, match="QUEUE_URL is not set; DATABASE_PORT is not set"):
        Example.from_env({"QUEUE_URL": ""})


@pytest.mark.parametrize("text", ["five", "-1", "5.5", "\u0665"])
def test_a_number_of_another_shape_is_named_with_what_was_found(text: str) -> None:
    with pytest.raises(InvalidEnvironment, match=f"DATABASE_PORT is '{text}', a whole number"):
        Example.from_env({"QUEUE_URL": "https://q", "DATABASE_PORT": text})


@pytest.mark.parametrize(
    ("settings", "variables"),
    [
        (
            TransactionProcessorSettings,
            "DATABASE_SECRET_ARN DATABASE_WRITER_HOST DATABASE_READER_HOST DATABASE_PORT "
            "DATABASE_NAME DATABASE_CA_FILE DEAD_LETTER_QUEUE_URL TRANSACTION_QUEUE_URL "
            "BREAKER_TABLE_NAME BREAKER_FAILURES_MAX BREAKER_PAUSE_FIRST_SECONDS "
            "BREAKER_PAUSE_MAX_SECONDS ENVIRONMENT_SUFFIX",
        ),
        (AuditWriterSettings, "AUDIT_BUCKET_NAME DEAD_LETTER_QUEUE_URL ENVIRONMENT_SUFFIX"),
        (
            SchemaMigratorSettings,
            "MIGRATOR_SECRET_ARN SERVICE_SECRET_ARN PROCESSOR_SECRET_ARN DATABASE_WRITER_HOST "
            "DATABASE_PORT DATABASE_NAME DATABASE_CA_FILE",
        ),
        (EnvironmentCertificateSettings, "ENVIRONMENT_SUFFIX"),
        (PipelineRetrySettings, "BRANCH_TABLE_NAME HUB_SUFFIX"),
        (
            BranchIntakeSettings,
            "GIT_HOST REPOSITORY HUB_SECRET_ARN BRANCH_TABLE_NAME EVENT_BUS_NAME HUB_SUFFIX",
        ),
        (
            BranchLifecycleSettings,
            "GIT_HOST REPOSITORY HUB_SECRET_ARN BRANCH_TABLE_NAME TRUNK "
            "PROTECTED_BRANCHES ENVIRONMENT_QUOTA LIFETIME_DAYS HUB_SUFFIX",
        ),
        (BranchTeardownSettings, "REPOSITORY TRUNK HUB_SUFFIX"),
        (
            BranchReconcilerSettings,
            "GIT_HOST REPOSITORY HUB_SECRET_ARN BRANCH_TABLE_NAME "
            "EVENT_BUS_NAME NOTICES_TOPIC_ARN TRUNK PROTECTED_BRANCHES ENVIRONMENT_QUOTA "
            "LIFETIME_DAYS HUB_SUFFIX",
        ),
    ],
)
def test_each_function_reads_exactly_these_variables(
    settings: type[EnvironmentSettings], variables: str
) -> None:
    environ = dict.fromkeys(variables.split(), "1")
    assert settings.from_env(environ).to_env() == environ
