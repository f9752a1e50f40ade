"""One run of a deployed pipeline, as a process that the server starts."""

import argparse
import sys
from pathlib import Path

from local_cloud.paths import ROOT, CloudPaths
from local_cloud.pipeline.context import RunContext
from local_cloud.pipeline.engine import run_pipeline
from local_cloud.pipeline.progress import Progress
from local_cloud.toolchain import lend_toolchain, tool_environment


def main() -> int:
    parser = argparse.ArgumentParser(prog="local_cloud.pipeline", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--endpoint-url", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--branch", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--execution-id", required=True)
    parser.add_argument("--started", type=float, required=True, help="epoch seconds")
    arguments = parser.parse_args()
    paths = CloudPaths(arguments.state)
    lend_toolchain(paths)
    result = run_pipeline(
        name=arguments.name,
        branch=arguments.branch,
        commit=arguments.commit,
        execution_id=arguments.execution_id,
        started_epoch_seconds=arguments.started,
        context=RunContext(
            state_dir=paths.state,
            endpoint_url=arguments.endpoint_url,
            toolchain_root=ROOT,
            build_environment=tool_environment(paths, arguments.endpoint_url),
        ),
        progress=Progress(live=False),
    )
    return 0 if result.succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
