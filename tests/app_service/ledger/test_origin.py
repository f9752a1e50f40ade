"""Whatever a client sends as its trace, only a trace as AWS writes it gets further."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_service.ledger.origin import (
    is_message_id,
    is_trace,
    origin_of_message,
    origin_of_trace,
    trace_of,
)

ROOT, OTHER = "1-67891233-abcdef012345678912345678", "1-67891234-00000000000000000000000a"


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (f"Root={ROOT}", ROOT),
        (f"Self={OTHER};Root={ROOT}", ROOT),
        (f"Self={OTHER}; Root={ROOT};CalledFrom=app", ROOT),
        (f"Root=mine;Self={OTHER}", OTHER),
        (f"Root={ROOT}0;Self={OTHER}", OTHER),
        (f"Self={OTHER}", OTHER),
        (f"Root={ROOT.upper()}", None),
        (f"MyRoot={ROOT}", None),
        ("Root=1-6789123\u0663-abcdef012345678912345678", None),
        (ROOT, None),
        ("", None),
    ],
)
def test_the_root_counts_and_else_what_the_load_balancer_added(
    header: str, trace: str | None
) -> None:
    found = origin_of_trace(header)
    assert (None if found is None else trace_of(found)) == trace
    assert trace is None or is_trace(trace)


@given(
    st.lists(
        st.sampled_from(["Root=", "Self=", ";", "1-", "67891233", "-", "abcdef012345678912345678"])
        | st.text(max_size=4)
    ).map("".join)
)
def test_any_header_gives_32_digits_or_nothing(header: str) -> None:
    found = origin_of_trace(header)
    assert found is None or re.fullmatch("[0-9a-f]{32}", found)


def test_a_message_is_named_by_its_uuid_only() -> None:
    message_id = "5a3f0c1e-6a52-4f0e-9c8e-2f1de0b7a001"
    assert origin_of_message(message_id) == "5a3f0c1e6a524f0e9c8e2f1de0b7a001"
    assert origin_of_message("m1") is None
    assert is_message_id(message_id)
    assert not is_message_id(message_id.upper())
    assert not is_trace(message_id)
