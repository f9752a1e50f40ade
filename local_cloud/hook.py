"""The post-receive hook of the git host: notifies CodePipeline and the branch hub, and shows both.

git shows its output to the user. A failed run does not undo the push; Ctrl-C does not stop the run.
"""

import sys
from collections.abc import Sequence

from local_cloud.announcing import Announced, announce, parse_updates
from local_cloud.aws import AwsClients
from local_cloud.branch_hub.deployed import find_hub
from local_cloud.branch_hub.webhook import Push
from local_cloud.deletions import record_deletion
from local_cloud.following import follow_deletion, follow_push
from local_cloud.git_host import GitHost
from local_cloud.paths import CloudPaths, state_dir
from local_cloud.retry import retry_command
from local_cloud.server import CloudError, running_cloud
from local_cloud.terminal import line_by_line


def main() -> int:
    line_by_line(sys.stdout)
    paths = CloudPaths(state_dir())
    cloud = running_cloud(paths)
    if cloud is None:
        print("the commits are stored, but the local cloud is not running: start it with `make up`")
        return 1
    git = GitHost(paths.repository, state=paths.state)
    hub = find_hub(AwsClients(cloud.endpoint_url))
    pushes = parse_updates([*sys.stdin])
    _record_deletions(paths, pushes)
    # All are announced before one is followed: they run in parallel.
    announced = [announce(git, cloud.endpoint_url, hub, push) for push in pushes]
    print("(Ctrl-C ends only this display: the run continues, `make status` shows it)")
    failed: list[Announced] = []
    for push in announced:
        if push is None:
            continue
        follow = follow_deletion if push.is_deletion else follow_push
        try:
            if not follow(paths, cloud, hub, push):
                failed.append(push)
        except CloudError as error:
            print(error)
            failed.append(push)
    for push in failed:
        print(_what_to_do(push))
    if failed:
        # git shows the output of this hook and ignores its exit code.
        print("git push itself exits with 0: the commits are stored at the git host")
    return 1 if failed else 0


def _record_deletions(paths: CloudPaths, pushes: Sequence[Push]) -> None:
    for push in pushes:
        if not (push.is_deletion and push.branch):
            continue
        try:
            record_deletion(paths, branch=push.branch, command=f"git push --delete {push.branch}")
        except OSError as error:
            # git has deleted the branch already: the hub must be notified in any case.
            print(
                f"{paths.deletions} cannot be written, so other commands cannot name you: {error}"
            )


def _what_to_do(push: Announced) -> str:
    if push.is_deletion:
        again = "to delete the rest: make reconcile APPLY=yes"
        return f"FAILED: {push.branch} was deleted, but its environment was not; {again}"
    return f"FAILED: {push.branch}; to run the same commit again: {retry_command(push.branch)}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
