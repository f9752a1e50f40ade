"""The `aws` of a build: answers `aws codecommit get-branch` from the local git host.

Run as a file without the project's packages (`install_aws` in environment.py writes the command).
Everything else is passed to the machine's own AWS CLI.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_NO_SUCH = 254  # exit code of the AWS CLI when the service answers with an error


def main(own_folder: str, git_root: str, arguments: Sequence[str]) -> int:
    if list(arguments[:2]) == ["codecommit", "get-branch"]:
        options = dict(zip(arguments[2::2], arguments[3::2], strict=False))
        repository = options.get("--repository-name", "")
        return _get_branch(Path(git_root), repository, options.get("--branch-name", ""))
    folders = os.environ.get("PATH", "").split(os.pathsep)
    path = os.pathsep.join(f for f in folders if Path(f) != Path(own_folder))
    real = shutil.which("aws", path=path)
    if real is None:
        print("aws: not found on PATH", file=sys.stderr)
        return 127
    return os.execv(real, [real, *arguments])


def _get_branch(git_root: Path, repository: str, branch: str) -> int:
    folder = git_root / f"{repository}.git"
    if not repository or "/" in repository or not folder.is_dir():
        return _refuse("RepositoryDoesNotExistException", f"{repository} does not exist")
    done = subprocess.run(
        ["git", "--git-dir", str(folder), "rev-parse", "--verify", "--quiet",
         f"refs/heads/{branch}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        return _refuse("BranchDoesNotExistException", f"Branch {branch} does not exist")
    print(f"BRANCH\t{branch}\t{done.stdout.strip()}")
    return 0


def _refuse(error: str, message: str) -> int:
    print(
        f"An error occurred ({error}) when calling the GetBranch operation: {message}",
        file=sys.stderr,
    )
    return _NO_SUCH


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
