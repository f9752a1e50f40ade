"""Every drill leaves a record and a plot, also one that failed."""

import datetime as dt
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.drills import recording
from operations.drills.acknowledgements import Api, Stream
from operations.drills.recording import Recording, draw, record_folders
from operations.drills.timeline import FaultLog, Timeline
from tests.operations.drills.ledger import ledger, the_tenth, wait_until


class Bucket:
    """An audit bucket with one object that has every id of the drill's log."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        now = dt.datetime.now(dt.UTC)
        yield {"Contents": [{"Key": "a", "LastModified": now}]}

    def get_object(self, **_: str) -> dict[str, Any]:
        ids = [*self._log.read_text().split(), "of another drill"]
        lines = "\n".join(json.dumps({"transaction_id": each}) for each in ids)
        return {"Body": io.BytesIO(gzip.compress(lines.encode()))}


class NoBucket(Bucket):
    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")


@pytest.fixture
def api() -> Iterator[Api]:
    with ledger(refuses_once=the_tenth) as found:
        yield found


def recorded(api: Api, folder: Path, *, bucket: type[Bucket] = Bucket) -> Recording:
    stream = Stream(
        api=api, log_file=folder / "log", clients=2, requests_per_second=50, queue=lambda _: None
    )
    stream.start()
    return Recording(
        drill="kill-task",
        environment="main-0a1b2c",
        commit="0123456789ab",
        stream=stream,
        faults=FaultLog(),
        s3=bucket(folder / "log"),  # type: ignore[arg-type]
        bucket="audit",
        since=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1),
        folders=[folder / "drills", folder / "results"],
    )


def test_what_clients_saw_is_in_the_record_of_each_folder(api: Api, tmp_path: Path) -> None:
    with recorded(api, tmp_path) as drill:
        stream = drill.stream
        wait_until(lambda: bool(stream.retried) and bool(stream.queued))
        began = drill.faults.begins("kill -9 of a task")
        answered = len(stream.answers)
        wait_until(lambda: len(stream.answers) > answered)
        acknowledged = stream.stop()
    assert stream.stopped is not None

    found = Timeline.read(tmp_path / "drills" / "kill-task.json")
    assert Timeline.read(tmp_path / "results" / "kill-task.json") == found
    assert len(found.acknowledged) + len(found.queued) == len(acknowledged) == len(found.archived)
    assert len(found.queued) >= 1
    assert len(found.retried) >= 1
    assert found.faults[0].began == pytest.approx(began - stream.started, abs=0.001)
    assert found.seconds == pytest.approx(stream.stopped - stream.started, abs=0.001)
    assert all(0 <= asked <= at for asked, at in zip(found.asked, found.acknowledged, strict=True))
    assert "kill -9 of a task" in (tmp_path / "drills" / "kill-task.svg").read_text()


def test_a_drill_that_fails_has_its_record_and_its_reason(api: Api, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), recorded(api, tmp_path) as drill:
        raise RuntimeError("the task is not replaced")

    found = Timeline.read(tmp_path / "drills" / "kill-task.json")
    assert found.problems == ["RuntimeError: the task is not replaced"]
    assert "the task is not replaced" in (tmp_path / "drills" / "kill-task.svg").read_text()
    assert drill.stream.stopped is not None, "nobody else stops the load"


def test_a_bucket_that_cannot_be_read_hides_no_drill(api: Api, tmp_path: Path) -> None:
    with recorded(api, tmp_path, bucket=NoBucket):
        pass

    found = Timeline.read(tmp_path / "drills" / "kill-task.json")
    assert found.archived == []
    assert "the plot has no audit trail" in found.problems[0]


def test_a_picture_that_cannot_be_drawn_fails_no_drill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw([tmp_path / "gone.json"])

    assert "no plot was drawn" in capsys.readouterr().err


def test_results_are_kept_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECORD", raising=False)
    assert record_folders(tmp_path) == [tmp_path]

    monkeypatch.setenv("RECORD", "yes")
    assert record_folders(tmp_path) == [tmp_path, recording.RESULTS]
