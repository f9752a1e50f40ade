"""The plots of drills and benchmarks, and the pictures of the documentation."""

import json
import os
import re
from pathlib import Path

import pytest

from page.settings import PageSettings
from tests.page.conftest import Ask, asking
from tests.page.html import text_of
from tests.page.recorded import RecordedAccount

_DRAWING = '<svg xmlns="http://www.w3.org/2000/svg"><style>p{}</style></svg>'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one benchmark and one recorded drill, and a state folder with two."""
    results = tmp_path / "bench" / "results"
    (results / "drills").mkdir(parents=True)
    (results / "drain.svg").write_text(_DRAWING)
    (results / "drain.md").write_text("numbers")
    (results / "drills" / "lose-zone.svg").write_text(_DRAWING)
    last = tmp_path / "state" / "drills"
    last.mkdir(parents=True)
    for name, moment in (("kill-task", 1_000), ("away", 2_000)):
        (last / f"{name}.svg").write_text(_DRAWING)
        os.utime(last / f"{name}.svg", (moment, moment))
    record = {"title": "A task is killed", "commit": "3f2a", "lost": 0, "seconds": [1, 2]}
    (last / "kill-task.json").write_text(json.dumps(record))
    (last / "away.json").write_text("{")  # a drill is writing it
    return tmp_path


@pytest.fixture
def ask(checkout: Path) -> Ask:
    settings = PageSettings(
        checkout=checkout, endpoint_url="http://127.0.0.1:9", state=checkout / "state"
    )
    return asking(RecordedAccount(settings))


async def test_the_last_drills_come_first_and_the_newest_of_them(ask: Ask) -> None:
    shown = text_of((await ask("/plots")).text)
    order = (
        "Last drills",
        "away",
        "A task is killed",
        "Recorded drills",
        "lose zone",
        "Benchmarks",
    )
    places = [shown.index(part) for part in order]
    assert places == sorted(places)


async def test_a_plot_has_the_facts_of_its_record(ask: Ask) -> None:
    shown = text_of((await ask("/plots")).text)
    assert "A task is killed commit 3f2a, lost 0" in shown
    assert "The numbers and how they were measured: drain.md" in shown


async def test_every_plot_can_be_loaded(ask: Ask) -> None:
    page = (await ask("/plots")).text
    addresses = re.findall(r'src="(/pictures/[^"]+)"', page)
    assert len(addresses) == 4
    for address in addresses:
        picture = await ask(address)
        assert picture.status_code == 200
        assert picture.headers["content-type"].startswith("image/svg+xml")


async def test_a_picture_may_be_styled_and_do_nothing_else(ask: Ask) -> None:
    policy = (await ask("/pictures/benchmarks/drain.svg")).headers["content-security-policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@pytest.mark.parametrize(
    "name",
    [
        "benchmarks/none.svg",
        "benchmarks/drain.md",
        "benchmarks/..%2F..%2Fdrain.svg",
        "nothing/drain.svg",
        "documentation/..%2F.env",
    ],
)
async def test_no_other_file_can_be_loaded(ask: Ask, name: str) -> None:
    assert (await ask(f"/pictures/{name}")).status_code == 404


async def test_without_a_drill_the_page_says_how_to_run_one(tmp_path: Path) -> None:
    ask = asking(RecordedAccount(PageSettings(checkout=tmp_path, is_aws=True)))
    assert "No drill has run here yet: make drill-kill-task runs one" in text_of(
        (await ask("/plots")).text
    )


async def test_drills_against_aws_are_read_from_the_checkouts_state_folder(tmp_path: Path) -> None:
    folder = tmp_path / ".local" / "drills"
    folder.mkdir(parents=True)
    (folder / "kill-database.svg").write_text(_DRAWING)
    (folder / "kill-database.json").write_text("[]")
    ask = asking(RecordedAccount(PageSettings(checkout=tmp_path, is_aws=True)))
    assert "kill database" in (await ask("/plots")).text


async def test_the_architecture_is_that_of_the_documentation(aws: RecordedAccount) -> None:
    ask = asking(aws)
    page = (await ask("/architecture")).text
    for name in ("architecture", "branch-life"):
        address = f"/pictures/documentation/{name}.svg"
        assert f'src="{address}"' in page
        assert "<svg" in (await ask(address)).text
