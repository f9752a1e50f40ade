"""S68: a program that cannot ask ends with 1 and one line on stderr, without a traceback."""

import runpy
import sys

import pytest

ACCOUNT = "Could not connect to the endpoint URL"
SUFFIX = "SUFFIX is empty: AWS=yes needs the name of the environment"


@pytest.mark.parametrize(
    ("program", "arguments", "said"),
    [
        ("approve", [], "error: BRANCH is empty: AWS=yes needs the name of the branch"),
        ("approve", ["--branch", "main"], f"error: {ACCOUNT}"),
        ("dead_letters", [], f"error: {SUFFIX}"),
        ("drills", [], f"error: {SUFFIX}"),
        ("redrive", [], f"error: {SUFFIX}"),
        ("resend", [], f"error: {SUFFIX}"),
        ("resend", ["--suffix", "dev"], f"error: {ACCOUNT}"),
        ("verify_audit", [], f"error: {SUFFIX}"),
        ("verify_audit", ["--suffix", "dev"], f"error: {ACCOUNT}"),
        ("trace", ["--transaction", "01935f7e-5b0c-7c3e-8a4e-3f6f0b9d2a12"], f"error: {SUFFIX}"),
        ("trace", ["--transaction", "x"], "error: TRANSACTION: must be a UUID of 32 hex digits"),
        ("api_client", [], f"error: {SUFFIX}"),
        ("api_client", ["--suffix", "dev"], f"error: {ACCOUNT}"),
        ("check_roles", [], f"error: {SUFFIX}"),
        (
            "check_roles",
            ["--suffix", "dev"],
            f"error: SUFFIX='dev': its roles cannot be checked: {ACCOUNT}",
        ),
        ("reconcile", [], f"reconcile: {ACCOUNT}"),
        ("preflight", [], f"preflight: {ACCOUNT}"),
        (
            "bootstrap_production",
            ["--account", "1", "--production-account", "2"],
            "bootstrap-production: account is '1': it must be 12 digits",
        ),
    ],
)
@pytest.mark.usefixtures("no_account")
def test_s68_a_program_that_cannot_ask_says_why_and_fails(
    program: str,
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    for module in (f"operations.{program}.__main__", f"operations.{program}"):
        monkeypatch.delitem(sys.modules, module, raising=False)

    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"operations.{program}", run_name="__main__")

    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(said)
