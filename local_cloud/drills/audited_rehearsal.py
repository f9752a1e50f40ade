"""A drill that also sends messages; a fault of the environment must make none a dead letter."""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from local_cloud.aws import AwsClients
from local_cloud.drills.dead_letters import DeadLetters
from local_cloud.drills.programs import CANNOT_RUN, CannotRun
from local_cloud.drills.rehearsal import Outcome, Scene, rehearse_in
from local_cloud.environments import the_environment
from local_cloud.paths import CloudPaths, state_dir
from local_cloud.server import CloudError, running_cloud
from local_cloud.terminal import line_by_line

# The audit trail of the local cloud follows this load also on two busy cores.
_REQUESTS_PER_SECOND: Final = 20.0


def rehearse_audited(
    scenario: Callable[[Scene], Outcome],
    *,
    drill: str,
    needs: Callable[[], object] | None = None,
    clock_error: timedelta = timedelta(0),
) -> int:
    """Run `scenario` under load in the environment SUFFIX (default: the only one).

    `needs` raises CannotRun if the machine lacks something. Returns 1 if something acknowledged is
    missing or doubled, in the ledger or in the audit trail, or if a promise of the scenario does
    not hold; CANNOT_RUN if the drill cannot run here.
    """
    line_by_line(sys.stdout)
    try:
        if needs is not None:
            needs()
        return _rehearse(CloudPaths(state_dir()), scenario, drill=drill, clock_error=clock_error)
    except CannotRun as error:
        print(f"this drill cannot run here: {error}", file=sys.stderr)
        return CANNOT_RUN
    except CloudError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _rehearse(
    paths: CloudPaths, scenario: Callable[[Scene], Outcome], *, drill: str, clock_error: timedelta
) -> int:
    cloud = running_cloud(paths)
    if cloud is None:
        raise CloudError("the drill needs a live environment: run `make up` first")
    facts = the_environment(paths, cloud, suffix=os.environ.get("SUFFIX", ""))
    letters = DeadLetters(AwsClients(cloud.endpoint_url).sqs, suffix=facts["suffix"])
    before = letters.count()
    return rehearse_in(
        paths,
        drill=drill,
        suffix=facts["suffix"],
        scenario=scenario,
        requests_per_second=_REQUESTS_PER_SECOND,
        queue=True,
        check=lambda *_: letters.problems(since=before),
        clock_error=clock_error,
    )
