"""A server that is killed while it writes an object leaves the old one or the new one."""

import subprocess
import sys
from pathlib import Path

import pytest

_KILLED = """
import os, sys
from pathlib import Path

folder, steps = Path(sys.argv[1]), int(sys.argv[2])
os.environ.update(S3_PERSIST="1", S3_DATA_DIR=str(folder / "s3"))
from local_cloud.emulator.ministack_adapter.kept_objects import KeptObjects

KeptObjects(folder)
from ministack.services import s3

if steps < 0:
    s3._create_bucket("one", b"", {})
    s3._put_object("one", "key", b"old", {})
else:
    replace, unlink = os.replace, Path.unlink

    def die_in_time():
        global steps
        if steps == 0:
            os._exit(0)
        steps -= 1

    def replace_or_die(file, place):
        if Path(place).name.startswith("key"):
            die_in_time()
        replace(file, place)

    def unlink_or_die(file, **options):
        if file.name == "objects.changes":
            die_in_time()
        unlink(file, **options)

    os.replace, Path.unlink = replace_or_die, unlink_or_die
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


@pytest.mark.parametrize(
    ("steps", "found"), [(0, "old 3"), (1, "old 3"), (2, "old 3"), (3, "new value 9")]
)
def test_a_kill_between_two_files_leaves_no_mixture(tmp_path: Path, steps: int, found: str) -> None:
    """The contents of one request with the metadata of another would be neither."""

    def python(program: str, *arguments: str) -> str:
        command = [sys.executable, "-c", program, str(tmp_path), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    python(_KILLED, "-1")
    python(_KILLED, str(steps))
    assert python(_READ) == found
