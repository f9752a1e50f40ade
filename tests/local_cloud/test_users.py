"""The user's name, or the user id if there is no name, as in `docker run --user`."""

import os
import subprocess
import sys

import pytest

from local_cloud.paths import ROOT

UNKNOWN = 54321
NAMES = {"LOGNAME", "USER", "LNAME", "USERNAME"}  # where `getpass` looks first
# `pwd` is imported as root, because the other user may not read the interpreter's files.
PRINTS_THE_NAME = f"""
import os, pwd
from local_cloud.users import user_name
os.setuid({UNKNOWN})
print(user_name())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a process of another user")
def test_a_user_without_a_passwd_entry_is_named_by_its_id() -> None:
    variables = {k: v for k, v in os.environ.items() if k not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", PRINTS_THE_NAME], cwd=ROOT, env=variables,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == [str(UNKNOWN)], done.stderr
