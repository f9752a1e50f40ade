"""`make retry` of a branch that is deleted at the same time."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud import retry, stacks
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError


def test_a_pipeline_that_is_deleted_meanwhile_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stub:
        """Stub of the git host, the pipeline and the API."""

        name = "delivery"
        endpoint_url = ""

        def branches(self) -> dict[str, str]:
            return {"x": "1" * 40}

        @property
        def codepipeline(self) -> "Stub":
            return self

        def start_pipeline_execution(self, *, name: str) -> None:
            answer: Any = {"Error": {"Code": "PipelineNotFoundException", "Message": name}}
            raise ClientError(answer, "StartPipelineExecution")

    monkeypatch.setattr(retry, "GitHost", lambda *_, **__: Stub())
    monkeypatch.setattr(retry, "AwsClients", lambda _: Stub())
    monkeypatch.setattr(stacks, "find_pipeline", lambda *_: Stub())
    cloud: Any = Stub()
    with pytest.raises(CloudError, match=r"no run of branch x was started: .*make status"):
        retry.run_again(CloudPaths(tmp_path), cloud, branch="x")
