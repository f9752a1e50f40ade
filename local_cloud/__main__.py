"""The command line of the local cloud. The Makefile's targets call it."""

import argparse
import sys
from collections.abc import Callable

from local_cloud import commands
from local_cloud.operations import OPERATIONS, operate
from local_cloud.paths import CloudPaths, state_dir
from local_cloud.server import CloudError
from local_cloud.terminal import line_by_line


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="local_cloud", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="start the local cloud and deliver the current commit")
    up.add_argument(
        "--promotion", default="", help="the last stage of the trunk's pipeline (see cdk.json)"
    )
    verbs.add_parser("page", help="start the page of branches, runs and environments")
    verbs.add_parser("down", help="stop everything")
    verbs.add_parser("clean", help="stop everything and remove the state folder")
    verbs.add_parser("status", help="list environments, their tasks and last runs")
    logs = verbs.add_parser("logs", help="follow the logs of all tasks")
    logs.add_argument("--no-follow", action="store_true", help="print the existing lines and exit")
    session = verbs.add_parser("session", help="open a session and print it as shell assignments")
    session.add_argument("--suffix", default="")
    for command, (purpose, has_environment) in OPERATIONS.items():
        operation = verbs.add_parser(command, help=f"{purpose}; more options: operations/")
        operation.set_defaults(suffix="")
        if has_environment:
            operation.add_argument("--suffix", default="")
    destroy = verbs.add_parser("destroy", help="delete a branch, its environment and pipeline")
    destroy.add_argument("--branch", default="")
    destroy.add_argument("--answer", default="", help="yes or no; the default is to ask")
    retry = verbs.add_parser("retry", help="run a branch's newest commit again")
    retry.add_argument("--branch", default="")
    chosen, more = parser.parse_known_args(arguments)
    if more and chosen.verb not in OPERATIONS:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    line_by_line(sys.stdout)
    paths = CloudPaths(state_dir())
    run: dict[str, Callable[[], int]] = {
        "up": lambda: commands.up(paths, promotion=chosen.promotion),
        "page": lambda: commands.page(paths),
        "down": lambda: commands.down(paths),
        "clean": lambda: commands.clean(paths),
        "status": lambda: commands.status(paths),
        "logs": lambda: commands.logs(paths, follow=not chosen.no_follow),
        "session": lambda: commands.session(paths, suffix=chosen.suffix),
        "retry": lambda: commands.retry(paths, branch=chosen.branch),
        "destroy": lambda: commands.destroy(paths, branch=chosen.branch, answer=chosen.answer),
    }
    try:
        if chosen.verb in OPERATIONS:
            operate(paths, chosen.verb, suffix=chosen.suffix, more=more)
        return run[chosen.verb]()
    except CloudError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; a run continues: `make status` shows it, `make down` ends everything",
              file=sys.stderr)  # fmt: skip
        return 130


if __name__ == "__main__":
    sys.exit(main())
