"""Of a failed build, the lines that name the error are shown first."""

from pathlib import Path

import pytest

from local_cloud.pipeline.causes import causes, what_failed

SYNTAX = "app_service/main.py:3: error: Invalid syntax  [syntax]"


def test_the_error_is_shown_before_the_end_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(["ok", SYNTAX, *(f"line {n}" for n in range(50))]))
    first, where, *tail = what_failed(log)
    assert first.strip() == SYNTAX
    assert str(log) in where
    assert tail[-1].strip() == "line 49"
    assert len(tail) < 20


def test_a_log_without_a_known_error_shows_more_of_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(f"line {n}" for n in range(50)))
    where, *tail = what_failed(log)
    assert str(log) in where
    assert tail[0].strip() == "line 10"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("error: Failed to parse app_service/main.py:3:5: Expected a name", None),
        ("Would reformat: infra/naming.py", None),
        (SYNTAX, None),
        ("FAILED tests/test_app.py::test_x - assert 1 == 2", None),
        ("ERROR tests/test_app.py - NameError: name 'x' is not defined", None),
        ("FAIL Required test coverage of 100% not reached. Total coverage: 99.98%", None),
        (
            "F401 [*] `os` imported but unused\n --> infra/naming.py:3:8\n  |",
            "infra/naming.py:3:8: F401 [*] `os` imported but unused",
        ),
        ("infra.errors.ConfigurationError: lifetimeDays is 0: it must be at least 1", None),
        ("setup: could not install the Python packages: no index", None),
    ],
)
def test_errors_of_checks_and_tools_are_found(written: str, shown: str | None) -> None:
    assert causes(["before", *written.splitlines(), "after"]) == [shown or written]


def test_output_of_a_passing_test_is_not_shown_as_a_cause() -> None:
    failed = "FAILED tests/test_app.py::test_x - assert 1 == 2"
    assert causes(["ValueError: on purpose", failed]) == [failed]


def test_the_first_causes_are_shown_once_each_and_the_rest_is_counted() -> None:
    lines = [f"ERROR tests/test_{n}.py" for n in range(30)]
    assert causes([*lines, *lines]) == [*lines[:5], "... and 25 more"]
