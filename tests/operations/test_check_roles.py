"""`make check-roles` ends with one line where it cannot ask."""

import pytest

from operations import check_roles


def test_aws_needs_the_name_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["check_roles", ""])

    assert check_roles.main() == 1

    said = capsys.readouterr().err
    assert "SUFFIX is empty: AWS=yes needs the name of the environment" in said


def test_an_account_that_does_not_answer_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["check_roles", "main-0a1b2c"])
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)

    assert check_roles.main() == 1

    said = capsys.readouterr().err
    assert "SUFFIX='main-0a1b2c': its roles cannot be checked: Could not connect" in said
