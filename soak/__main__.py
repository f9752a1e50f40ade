"""`make soak`: the real code under seeded faults. Exits with 0 if everything is accounted for."""

import argparse
import logging
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from local_cloud.paths import ROOT
from soak.history import keep
from soak.report import repeat_command, report
from soak.run import Soak, run
from soak.sabotage import Break

_SEEDS = 1_000_000
_LOGS = ("*.log", "emulator/cloud.log", "database/*.log")


def main() -> int:
    soak = _arguments()
    logging.basicConfig(level=logging.ERROR)
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, _stop)  # ends what was started, as Ctrl-C does
    print(f"seed {soak.seed}: {repeat_command(soak)}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            result = run(soak, Path(folder))
            print(report(result))
            keep(
                result.history.record(
                    run=repeat_command(soak),
                    problems=[f"{each.what}: {each.subject}" for each in result.problems],
                )
            )
        except KeyboardInterrupt:
            print("interrupted; everything that was started has ended")
            return 130
        except BaseException:
            _keep_logs(Path(folder), soak.seed)
            print(f"the run was not finished; to repeat it: {repeat_command(soak)}")
            raise
        if result.problems:
            _keep_logs(Path(folder), soak.seed)
            print(f"to repeat it: {repeat_command(soak)}")
    print(f"{time.monotonic() - started:.0f} s, seed {soak.seed}")
    return 1 if result.problems else 0


def _arguments() -> Soak:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument(
        "--break",
        dest="breaks",
        default="",
        help=f"negative controls, separated by commas: {', '.join(Break)}",
    )
    found = parser.parse_args()
    try:
        breaks = [Break(name) for name in found.breaks.split(",") if name]
    except ValueError as error:
        parser.error(f"--break: {error}; known are {', '.join(Break)}")
    seed = secrets.randbelow(_SEEDS) if found.seed is None else found.seed
    return Soak(seed=seed, seconds=found.seconds, breaks=breaks)


def _keep_logs(folder: Path, seed: int) -> None:
    target = ROOT / "reports" / f"soak-{seed}"
    target.mkdir(parents=True, exist_ok=True)
    for pattern in _LOGS:
        for log in folder.glob(pattern):
            shutil.copy(log, target)
    print(f"logs: {target}")


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
