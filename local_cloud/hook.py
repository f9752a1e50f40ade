"""What the git host runs after a push: a pipeline run per branch, unmaking per deleted branch.

Its output is streamed back through git. The push itself stands, whatever becomes of the run.
"""

import sys

from local_cloud.delivery import deliver
from local_cloud.git_host import GitHost
from local_cloud.paths import CloudPaths, state_dir
from local_cloud.removal import remove_branch
from local_cloud.server import CloudError, running_cloud
from local_cloud.terminal import line_by_line

_HEADS = "refs/heads/"


def main() -> int:
    line_by_line(sys.stdout)
    paths = CloudPaths(state_dir())
    cloud = running_cloud(paths)
    if cloud is None:
        print("the commits are stored; nothing runs them: start the local cloud with `make up`")
        return 1
    failed = []
    for line in sys.stdin:
        _, commit, reference = line.split()
        if not reference.startswith(_HEADS):
            continue
        branch = reference.removeprefix(_HEADS)
        try:
            if set(commit) == {"0"}:
                remove_branch(paths, cloud, branch=branch)
            else:
                git = GitHost(paths.repository, state=paths.state)
                if not deliver(paths, cloud, git, branch=branch, commit=commit):
                    failed.append(branch)
        except CloudError as error:
            print(error)
            failed.append(branch)
    for branch in failed:
        print(f"FAILED: the run of {branch}; the push itself stands, push again to run again")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
