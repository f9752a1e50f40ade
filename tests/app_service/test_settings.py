"""The service reads what infra writes; errors name every wrong variable."""

from dataclasses import replace

import pytest

from app_service.environment_variables import SettingsError
from app_service.settings import ServiceSecrets, ServiceSettings

SETTINGS = ServiceSettings(
    environment_suffix="dev",
    service_version="abc123",
    database_writer_host="writer",
    database_reader_host="reader",
    sessions_table_name="session-table-dev",
    api_clients_table_name="client-table-dev",
    audit_queue_url="https://queue/audit",
)
SECRETS = {
    "DATABASE_USER": "ledger_service",
    "DATABASE_PASSWORD": " spaces count ",
    "API_CLIENT_ID": "shop",
    "API_CLIENT_SECRET": "s3cret",
}


def test_what_is_written_is_read_back() -> None:
    changed = replace(
        SETTINGS, port=1, bind_address="127.0.0.1", database_port=65535, session_ttl_seconds=86400
    )
    for settings in (SETTINGS, changed):
        assert ServiceSettings.from_env(settings.to_env() | {"PATH": "/bin"}) == settings


def test_defaults_are_those_of_the_image() -> None:
    required = ("environment_suffix", "service_version", "database_writer_host",
                "database_reader_host", "sessions_table_name", "api_clients_table_name",
                "audit_queue_url")  # fmt: skip
    written = SETTINGS.to_env()
    assert ServiceSettings.from_env({n.upper(): written[n.upper()] for n in required}) == SETTINGS
    assert (SETTINGS.port, SETTINGS.bind_address) == (8443, "0.0.0.0")
    assert SETTINGS.database_ca_file == "/srv/app_service/trust/aws-rds.pem"


def test_all_missing_variables_are_named_at_once() -> None:
    environment = SETTINGS.to_env() | {"AUDIT_QUEUE_URL": " "}
    del environment["DATABASE_WRITER_HOST"]
    with pytest.raises(
        SettingsError,
        match=r"^DATABASE_WRITER_HOST: missing or blank; AUDIT_QUEUE_URL: missing or blank$",
    ):
        ServiceSettings.from_env(environment)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PORT", "https", "PORT: must be a whole number, got 'https'"),
        ("PORT", "-1", "PORT: must be a whole number, got '-1'"),
        ("PORT", "\u0661", "PORT: must be a whole number"),
        ("PORT", "0", "PORT: must be from 1 to 65535, got 0"),
        ("DATABASE_PORT", "65536", "DATABASE_PORT: must be from 1 to 65535, got 65536"),
        ("SESSION_TTL_SECONDS", "0", "SESSION_TTL_SECONDS: must be from 1 to 86400, got 0"),
        ("SESSION_TTL_SECONDS", "86401", "SESSION_TTL_SECONDS: must be from 1 to 86400"),
    ],
)
def test_numbers_are_checked(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=f"^{message}"):
        ServiceSettings.from_env(SETTINGS.to_env() | {variable: value})


def test_secrets_are_read_exactly_and_never_shown() -> None:
    secrets = ServiceSecrets.from_env(SECRETS)
    assert secrets.database_password == " spaces count "
    assert ServiceSecrets.variable_names() == tuple(SECRETS)
    assert "s3cret" not in repr(secrets)
    assert "spaces" not in repr(secrets)


def test_a_missing_secret_is_named_and_the_others_are_not_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        ServiceSecrets.from_env(SECRETS | {"API_CLIENT_ID": ""})
    assert str(caught.value) == "API_CLIENT_ID: missing or blank"
