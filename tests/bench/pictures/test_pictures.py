"""Every picture of the results can be drawn from the record beside it, and shows what it should."""

from pathlib import Path
from typing import Any

import pytest

from bench.pictures.__main__ import PICTURES
from bench.pictures.drain import rates
from bench.pictures.ledger import Goal, times_the_bar
from bench.pictures.record import RESULTS, Picture, RecordBroken
from operations.drills.plot import picture as drill_picture
from operations.drills.timeline import Timeline

DRILLS = sorted((RESULTS / "drills").glob("*.json"))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda each: each.name)
def test_a_picture_is_drawn_from_the_record_beside_it(picture: Picture[Any]) -> None:
    drawn = picture.drawn(picture.read())

    assert drawn == (RESULTS / f"{picture.name}.svg").read_text(), "python -m bench.pictures"


@pytest.mark.parametrize("record", DRILLS, ids=lambda file: file.stem)
def test_a_drill_is_drawn_from_the_record_beside_it(record: Path) -> None:
    drawn = drill_picture(Timeline.read(record))

    assert drawn == record.with_suffix(".svg").read_text(), "python -m bench.pictures"


def test_every_picture_is_on_a_page() -> None:
    pages = "".join(page.read_text() for page in RESULTS.glob("*.md"))
    pages += (RESULTS.parent / "README.md").read_text()
    pages += (RESULTS.parents[1] / "docs" / "recovery.md").read_text()

    for drawn in RESULTS.rglob("*.svg"):
        assert drawn.name in pages, f"no page shows {drawn.name}"


def test_a_record_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    picture = PICTURES[1]
    whole = (RESULTS / f"{picture.name}.json").read_bytes()
    (tmp_path / f"{picture.name}.json").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(RecordBroken, match=r"is no whole record .*: measure again"):
        picture.draw(tmp_path)


def test_longer_is_better_whatever_the_goal_is() -> None:
    more = Goal(ratio=2.0, value=4000, unit="/s", bar=1.0, moonshot=3.0)
    less = Goal(ratio=None, value=50, unit="MiB", bar=100, moonshot=80)

    assert times_the_bar(more, more.measured) == 2
    assert times_the_bar(less, less.measured) == 2


def test_a_rate_is_that_of_the_last_five_seconds() -> None:
    assert rates([0, 5, 10, 15], [0, 50, 50, 150]) == [0, 10, 0, 20]
