"""S42: which errors of the database are about its own state and not about the call."""

import pytest

from app_service.database.sql_states import is_unavailable, is_wrong_setup


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("08006", True),  # connection failure
        ("25006", True),  # read-only: the host is no longer the writer
        ("25P03", True),  # idle in transaction for too long
        ("28P01", True),  # login
        ("53300", True),  # too many connections
        ("57014", True),  # statement timeout
        ("57P01", True),  # shutdown
        ("58030", True),  # disk
        ("", False),  # not an error of the server
        ("22P02", False),  # a value
        ("23514", False),  # a rule of a table
        ("40001", False),  # a lost race
        ("42501", False),  # a permission
        ("55P03", False),  # a lock
    ],
)
def test_s42_an_unavailable_server_differs_from_an_error_of_the_call(
    state: str, expected: bool
) -> None:
    assert is_unavailable(state) is expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("0A000", True),  # a plan that a migration made invalid
        ("3F000", True),  # no such schema
        ("42501", True),  # a permission
        ("42703", True),  # no such column
        ("42883", True),  # no such function
        ("42P01", True),  # no such table
        ("XX002", True),  # a damaged index
        ("", False),
        ("22003", False),  # a value
        ("23514", False),  # a rule of a table
        ("25006", False),  # a failover
        ("40001", False),  # a lost race
        ("54000", False),  # a limit that a large call may exceed
        ("55P03", False),  # a lock
        ("57014", False),  # a timeout
        ("P0001", False),  # raised by a function of ours
    ],
)
def test_s42_a_database_that_is_set_up_wrongly_differs_from_both(
    state: str, expected: bool
) -> None:
    assert is_wrong_setup(state) is expected
