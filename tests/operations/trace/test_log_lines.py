"""Log lines are read in pages, and only so many."""

from datetime import UTC, datetime
from typing import Any

import pytest

from operations.trace.log_lines import LINES_MAX, PAGES_MAX, Line, LogReader, Window
from tests.aws_stubs import type_of_aws

GROUP = "/ecs/transaction-service-dev"
WINDOW = Window(
    start=datetime(2026, 11, 26, 16, tzinfo=UTC), end=datetime(2026, 11, 26, 17, tzinfo=UTC)
)
START, END = 1_795_708_800_000, 1_795_712_400_001


def page(*numbers: int, more: bool) -> dict[str, Any]:
    events = [
        {"timestamp": START + number, "message": f"line {number}", "logStreamName": "s"}
        for number in numbers
    ]
    return {"events": events} | ({"nextToken": "t"} if more else {})


def expect(stub: Any, answer: dict[str, Any], **more: str) -> None:
    request = {"logGroupName": GROUP, "filterPattern": '"a-b"', "startTime": START, "endTime": END}
    stub.add_response("filter_log_events", answer, request | more)


def test_an_empty_page_is_not_the_end(aws: type_of_aws) -> None:
    client, stub = aws("logs")
    expect(stub, page(2, more=True))
    expect(stub, page(more=True), nextToken="t")
    expect(stub, page(1, 2, more=False), nextToken="t")
    reader = LogReader(logs=client)
    lines = reader.lines(GROUP, ["a-b"], WINDOW)
    assert [line.message for line in lines] == ["line 1", "line 2"]
    assert lines[0].moment == datetime(2026, 11, 26, 16, 0, 0, 1000, tzinfo=UTC)
    assert reader.not_read == []


def test_several_ids_are_one_search(aws: type_of_aws) -> None:
    """A search may be many calls: one limit of pages is for all ids."""
    client, stub = aws("logs")
    expect(stub, page(1, more=False), filterPattern='?"a-b" ?"c-d"')
    lines = LogReader(logs=client).lines(GROUP, ["a-b", "c-d"], WINDOW)
    assert [line.message for line in lines] == ["line 1"]


def test_a_line_that_is_nested_too_deeply_is_shown_as_text(aws: type_of_aws) -> None:
    client, stub = aws("logs")
    deep = '{"message":"x","n":' + "[" * 100_000 + "]" * 100_000 + "}"
    expect(stub, {"events": [{"timestamp": START, "message": deep}]})
    [line] = LogReader(logs=client).lines(GROUP, ["a-b"], WINDOW)
    assert line.fields == {}


def test_a_value_that_could_just_be_read_is_shown_without_an_error() -> None:
    """What is nested a little less deeply can be read, and not be written."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    line = Line(moment=WINDOW.start, stream="s", message="m", fields={"n": deep, "status": 200})
    assert line.text == "m n=(nested too deeply) status=200"


@pytest.mark.parametrize(
    ("pages", "numbers"), [(1, range(LINES_MAX + 1)), (PAGES_MAX, range(0))], ids=["lines", "pages"]
)
def test_a_search_without_an_end_is_ended_and_said(
    aws: type_of_aws, pages: int, numbers: range
) -> None:
    client, stub = aws("logs")
    for number in range(pages):
        expect(stub, page(*numbers, more=True), **({"nextToken": "t"} if number else {}))
    reader = LogReader(logs=client)
    assert len(reader.lines(GROUP, ["a-b"], WINDOW)) == min(len(numbers), LINES_MAX)
    [note] = reader.not_read
    assert note.startswith(f"{GROUP}: not all lines were read")
