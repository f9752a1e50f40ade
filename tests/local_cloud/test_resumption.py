"""One database that does not start again is an error of each `make up`, and stops nothing else."""

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import psutil
import pytest

from local_cloud.addresses import LoopbackAddresses
from local_cloud.emulator import database_clusters
from local_cloud.emulator.cluster_plan import PLAN, ClusterPlan
from local_cloud.emulator.database_clusters import DatabaseClusters
from local_cloud.emulator.database_pair import DatabasePair
from local_cloud.emulator.resumption import Resumption
from local_cloud.paths import CloudPaths
from local_cloud.postgres import PostgresError
from local_cloud.server import CloudError, RunningCloud, start_cloud


@pytest.fixture
def clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseClusters]:
    """Those of an earlier cloud: `bad`, which does not start, and `good`."""
    for name in ("bad", "good"):
        plan = ClusterPlan(
            cluster_id=name, port=5432, superuser="postgres", password="x",
            database="postgres", instances=("one",),
        )  # fmt: skip
        plan.write(tmp_path / name / PLAN)
    records = Mock(has_cluster=lambda _: True, is_cluster_stopped=lambda _: False)
    monkeypatch.setattr(database_clusters, "records", records)

    def resume(pair: DatabasePair) -> None:
        if pair.writer.server.data_dir.parent.name == "bad":
            raise PostgresError("no space")

    monkeypatch.setattr(DatabasePair, "resume", resume)
    found = DatabaseClusters(
        folder=tmp_path, addresses=Mock(spec=LoopbackAddresses, allocate=lambda *_, **__: "x"),
        authority=Mock(), zones=Mock(lost=frozenset), clock=Mock(),
    )  # fmt: skip
    yield found
    found.stop()


def test_a_database_that_does_not_start_is_named_and_everything_else_serves(
    clusters: DatabaseClusters, tmp_path: Path
) -> None:
    services, load_balancers = Mock(), Mock()
    resumption = Resumption(
        databases=clusters, load_balancers=load_balancers, services=services,
        paths=CloudPaths(tmp_path),
    )  # fmt: skip
    resumption.start()
    resumption.join()
    status, _, answer = resumption.answer()
    assert status == http.HTTPStatus.INTERNAL_SERVER_ERROR
    assert "database bad: PostgresError: no space" in answer["problem"]
    assert "good" not in answer["problem"]
    assert resumption.is_done, "queues are served"
    services.resume.assert_called_once()
    load_balancers.resume.assert_called_once()


def test_nothing_stays_of_a_database_that_was_being_deleted(
    clusters: DatabaseClusters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make status` would show it for ever."""
    (tmp_path / "bad.json").write_text("[]")
    records = f"{database_clusters.__name__}.records"
    monkeypatch.setattr(f"{records}.has_cluster", lambda name: name != "bad")
    assert clusters.resume() == []
    assert not (tmp_path / "bad.json").exists()
    assert not (tmp_path / "bad").exists()


def test_a_cloud_that_did_not_start_everything_again_is_an_error_of_each_start(
    tmp_path: Path,
) -> None:
    class Failed(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500)
            self.end_headers()
            self.wfile.write(json.dumps({"problem": "database bad"}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    own, paths = psutil.Process(), CloudPaths(tmp_path)
    with http.server.HTTPServer(("127.0.0.1", 0), Failed) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cloud = RunningCloud(
            pid=own.pid, started_epoch_seconds=own.create_time(), port=server.server_port,
            api_port=1,
        )  # fmt: skip
        paths.server.write_text(json.dumps(asdict(cloud)))
        with pytest.raises(CloudError, match="database bad"):
            start_cloud(paths)
        server.shutdown()
