import json
from pathlib import Path

import pytest

from bench.ledger.report import Run, reached, write
from bench.ledger.row import Row
from bench.pictures.ledger import LEDGER, Offered


def _row(
    *, ratio: float | None = 2.0, value: float = 4000, bar: float | None, moonshot: float | None
) -> Row:
    return Row(
        name="postings", ratio=ratio, value=value, unit="per second", bar=bar, moonshot=moonshot
    )


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (_row(ratio=2.0, bar=1.7, moonshot=2.5), "bar"),
        (_row(ratio=2.5, bar=1.7, moonshot=2.5), "moonshot"),
        (_row(ratio=1.6, bar=1.7, moonshot=2.5), "no"),
        (_row(ratio=4.0, bar=10, moonshot=5), "moonshot"),
        (_row(ratio=9.0, bar=10, moonshot=5), "bar"),
        (_row(ratio=11.0, bar=10, moonshot=5), "no"),
        (_row(ratio=None, value=120, bar=150, moonshot=100), "bar"),
        (_row(ratio=2.0, bar=None, moonshot=None), ""),
    ],
)
def test_what_a_row_has_reached(row: Row, word: str) -> None:
    assert reached(row) == word


def test_programs_can_read_the_newest_results(tmp_path: Path) -> None:
    run = Run(command="c", commit="abc", day="2030-01-01", machine="m", versions={"wrk": "4"})
    point = Offered(offered=444.0, answered=440.0, p50_ms=2.0, p99_ms=9.0)
    write([_row(bar=1.7, moonshot=2.5)], [point], run, tmp_path)

    latest = json.loads((tmp_path / "latest.json").read_text())

    assert latest["rows"] == {
        "postings": {
            "ratio": 2.0,
            "value": 4000,
            "unit": "per second",
            "bar": 1.7,
            "moonshot": 2.5,
        }
    }
    assert latest["curve"] == [{"offered": 444.0, "answered": 440.0, "p50_ms": 2.0, "p99_ms": 9.0}]
    assert LEDGER.drawn(LEDGER.read(tmp_path)) == (tmp_path / "ledger.svg").read_text()
    assert (latest["commit"], latest["machine"], latest["versions"]) == ("abc", "m", {"wrk": "4"})
