"""A server that is killed while it writes an object leaves the old one or the new one."""

import subprocess
import sys
from pathlib import Path

import pytest

_KILLED = """
import os, sys
from pathlib import Path

folder, renames = Path(sys.argv[1]), int(sys.argv[2])
os.environ.update(S3_PERSIST="1", S3_DATA_DIR=str(folder / "s3"))
from local_cloud.emulator.ministack_adapter.kept_objects import KeptObjects

KeptObjects(folder)
from ministack.services import s3

if renames < 0:
    s3._create_bucket("one", b"", {})
    s3._put_object("one", "key", b"old", {})
else:
    replace = Path.replace

    def replace_or_die(file, place):
        global renames
        if file.name.startswith("key"):
            if renames == 0:
                os._exit(0)
            renames -= 1
        return replace(file, place)

    Path.replace = replace_or_die
    s3._put_object("one", "key", b"new value", {})
"""
_READ = """
import os, sys
from pathlib import Path

folder = Path(sys.argv[1])
os.environ.update(S3_PERSIST="1", S3_DATA_DIR=str(folder / "s3"))
from local_cloud.emulator.ministack_adapter.kept_objects import KeptObjects

KeptObjects(folder)
from ministack.services import s3

record = s3._buckets["one"]["objects"]["key"]
print(s3._read_body("one", "key", record).decode(), record["size"])
"""


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_kill_between_two_files_leaves_no_mixture(tmp_path: Path, renames: int) -> None:
    """The contents of one request with the metadata of another would be neither."""

    def python(program: str, *arguments: str) -> str:
        command = [sys.executable, "-c", program, str(tmp_path), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    python(_KILLED, "-1")
    python(_KILLED, str(renames))
    assert python(_READ) == "new value 9"
