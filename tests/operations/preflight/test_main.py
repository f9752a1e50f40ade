"""B11: preflight ends with 1 if something is to do."""

import pytest

from operations.preflight import __main__ as program
from operations.preflight.findings import Finding, fine, note, to_do
from tests.account import Account
from tests.operations.preflight.conftest import ACCOUNT


def test_b11_it_reports_every_check_of_an_account(
    asked: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    """The emulator is not bootstrapped and has no quotas."""
    assert asked.endpoint_url

    assert program.main(["-c", "promotion=environment"]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("to do: bootstrap: aws://000000000000/us-east-1") for line in lines)
    assert lines[-1].startswith("aws://000000000000/us-east-1: to do: ")


@pytest.mark.parametrize(
    ("findings", "code", "end"),
    [
        ([fine("a"), note("b")], 0, "ready"),
        ([fine("a"), to_do("c"), to_do("d")], 1, "to do: 2"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_b11_the_exit_code_says_whether_something_is_to_do(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    findings: list[Finding],
    code: int,
    end: str,
) -> None:
    monkeypatch.setattr(program, "_CHECKS", {"all": lambda _: findings})
    monkeypatch.setattr(program, "tools", lambda _: [])

    assert program.main([]) == code
    assert capsys.readouterr().out.splitlines()[-1] == f"aws://000000000000/us-east-1: {end}"


def test_b11_a_wrong_setting_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["-c", f"productionAccount={ACCOUNT}"]) == 1

    assert capsys.readouterr().err.startswith("preflight: productionAccount is '111111111111'")
