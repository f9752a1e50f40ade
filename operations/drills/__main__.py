"""`make drill DRILL=<name> [SUFFIX=...]`: a fault under load, and a check of what was acknowledged.

Starts an experiment of AWS Fault Injection Service in the environment, and meanwhile posts
transactions from this machine. What the environment acknowledged is logged here, outside of it. At
the end all of it must be in the ledger and in the audit trail once, and the books must balance.
Ctrl-C stops the experiment.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import requests
from botocore.exceptions import BotoCoreError, ClientError

from integration_tests.audit_trail import AuditTrail
from lambda_src.shared.drills import LOSE_ZONE
from operations.account import NoSuffix, open_session, required
from operations.drills.acknowledgements import Stream
from operations.drills.audited import problems_of
from operations.drills.environment import Environment
from operations.drills.experiment import DrillError, Experiment, Template, problem_of
from operations.drills.reconciliation import reconcile
from operations.drills.recording import Recording, record_folders
from operations.drills.timeline import FaultLog
from operations.stack_outputs import NoOutput, StackOutputs

if TYPE_CHECKING:
    from mypy_boto3_fis.type_defs import ExperimentTypeDef

_RECORDS: Final = Path(__file__).resolve().parents[2] / ".local" / "drills"  # as the page reads
_LOAD_SECONDS: Final = 3.0  # before the fault, and after it
_REQUESTS_PER_SECOND: Final = 20.0
# Longer than any fault lasts: a client asks until it is answered.
_PATIENCE_SECONDS: Final = 900.0
# Of this machine's clock and of AWS's: what was stored earlier is read as well.
_CLOCK_ERROR: Final = timedelta(minutes=1)


def run(environment: Environment, template: Template, *, folder: Path, records: Path) -> int:
    """Run the drill. Returns 1 if something acknowledged is missing or doubled, or if the
    experiment did not complete; 130 if a person stopped it."""
    since = datetime.now(UTC) - _CLOCK_ERROR
    account = environment.outputs.account
    bucket = environment.outputs.value("AuditBucketName")
    stream = Stream(
        api=environment.api(folder=folder),
        log_file=folder / "acknowledged",
        requests_per_second=_REQUESTS_PER_SECOND,
        queue=environment.send,
        patience_seconds=_PATIENCE_SECONDS,
        queue_patience_seconds=_PATIENCE_SECONDS,
    )
    try:
        stream.start()
    except requests.RequestException as error:
        raise DrillError(
            f"SUFFIX={environment.suffix!r}: its API takes no load: {error}"
        ) from error
    faults = FaultLog()
    with Recording(
        drill=f"experiment-{template.drill}",
        environment=environment.suffix,
        commit="unknown",
        stream=stream,
        faults=faults,
        s3=account.client("s3"),
        bucket=bucket,
        since=since,
        folders=record_folders(records),
    ) as recording:
        time.sleep(_LOAD_SECONDS)
        broke_at = faults.begins(f"experiment {template.drill}")
        ended, is_interrupted = _follow(template.start())
        faults.ends(f"the experiment is {ended['state']['status']}")
        time.sleep(_LOAD_SECONDS)
        acknowledged = stream.stop()  # after each client was answered
        problem = problem_of(ended, account.client("cloudwatch"))
        problems = [problem] if problem else []
        # First, because it waits: messages that the queue has taken may not be posted yet.
        trail = AuditTrail(account.client("s3"), bucket, since)
        problems += problems_of(trail.read, acknowledged)
        code = reconcile(stream, broke_at=broke_at, recovery=f"experiment {ended['id']} has ended")
        for each in problems:
            print(f"FAILED: {each}")
        recording.problems += problems or (["an acknowledged transaction is missing"] * code)
    # Not before: it imports CDK, which starts a process that Ctrl-C would end with a traceback.
    from operations import verify_audit  # noqa: PLC0415

    verified = verify_audit.main(["--suffix", environment.suffix, "--from", since.isoformat()])
    if is_interrupted:
        return 130
    return 1 if problems or code or verified else 0


def _follow(experiment: Experiment) -> tuple["ExperimentTypeDef", bool]:
    """The experiment at its end, and whether a person stopped it."""
    try:
        try:
            return experiment.follow(), False
        except KeyboardInterrupt:
            print("\ninterrupted: stopping the experiment", flush=True)
            return experiment.stop(), True
    except BaseException:
        print("\nit cannot be followed: stopping the experiment", flush=True)
        experiment.request_stop()
        raise


def _prepare(*, drill: str, suffix: str) -> tuple[Environment, Template]:
    session = open_session()
    environment = Environment(outputs=StackOutputs.of_environment(session, suffix))
    zone = environment.writers_zone() if drill == LOSE_ZONE else None
    fis = session.client("fis")
    template = Template.find(fis, drill=drill, suffix=suffix, zone=zone)
    template.require_idle()
    return environment, template


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make drill", description=__doc__)
    parser.add_argument("--suffix", default="")
    parser.add_argument("--drill", default="")
    parser.add_argument("--records", type=Path, default=_RECORDS, help="keep record and plot here")
    chosen = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="drill-"))
    code = 1
    try:
        environment, template = _prepare(drill=chosen.drill, suffix=required(chosen.suffix))
        code = run(environment, template, folder=folder, records=chosen.records)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        code = 130
    except (DrillError, NoOutput, NoSuffix) as error:
        print(f"error: {error}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(
            f"error: {error}; on AWS credentials for the environment's account are needed, as "
            "docs/recovery.md says",
            file=sys.stderr,
        )
    log = folder / "acknowledged"
    if code and log.exists():
        print(f"the log of what was acknowledged stays: {log}")
    else:
        shutil.rmtree(folder)
    return code


if __name__ == "__main__":
    sys.exit(main())
