"""The journal of logs grows by what is new, and loses what is past its retention.

Each test runs in a process of its own: MiniStack's log groups belong to the process.
"""

import subprocess
import sys
from pathlib import Path

_BEGIN = """
import sys, time
from pathlib import Path
from local_cloud.emulator.ministack_adapter.kept_logs import KeptLogs
from ministack.services import cloudwatch_logs as logs

kept = KeptLogs(Path(sys.argv[1]))
key = ("000000000000", "us-east-1", "group")
now, day = int(time.time() * 1000), 24 * 3600 * 1000

def group(retention, *streams, created=now):
    empty = {"firstEventTimestamp": None, "lastEventTimestamp": None, "lastIngestionTime": None}
    logs._log_groups._data[key] = {
        "retentionInDays": retention,
        "streams": {s: {"creationTime": created, "events": [], **empty} for s in streams},
    }
    return logs._log_groups._data[key]["streams"]

def put(stream, message, age=0):
    event = {"timestamp": now - age, "message": message, "ingestionTime": now}
    logs._append_log_events(stream, [event])

def show():
    for name, stream in sorted(logs._log_groups._data[key]["streams"].items()):
        print(name, *(event["message"] for event in stream["events"]))
"""


def _python(folder: Path, program: str) -> str:
    command = [sys.executable, "-c", _BEGIN + program, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_events_that_came_late_are_read_in_their_order(tmp_path: Path) -> None:
    program = """
streams = group(None, "a")
put(streams["a"], "second")
kept.save()
put(streams["a"], "first", age=1000)
put(streams["a"], "third")
kept.save()
"""
    _python(tmp_path, program)
    assert _python(tmp_path, "show()") == "a first second third"


def test_a_late_event_does_not_write_its_stream_again(tmp_path: Path) -> None:
    program = """
streams = group(None, "a")
put(streams["a"], "x" * 100_000)
kept.save()
before = kept._journal.bytes
put(streams["a"], "late", age=1000)
kept.save()
print(kept._journal.bytes - before < 10_000)
"""
    assert _python(tmp_path, program) == "True"


def test_events_past_their_retention_are_deleted_and_their_streams(tmp_path: Path) -> None:
    program = """
streams = group({retention}, "kept", "old", created=now - 9 * day)
put(streams["old"], "old", age=8 * day)
put(streams["kept"], "older", age=8 * day)
put(streams["kept"], "yesterday", age=2 * day)
put(streams["kept"], "new")
kept.save()
kept.rewrite()
print(*sorted(streams))
show()
"""
    assert _python(tmp_path / "7", program.format(retention=7)) == (
        "kept old\nkept yesterday new\nold"
    ), "a task may still write to an old stream"
    assert _python(tmp_path / "7", "show()") == "kept yesterday new"
    assert _python(tmp_path / "none", program.format(retention=None))
    assert _python(tmp_path / "none", "show()") == "kept new"


def test_a_stream_that_was_created_again_has_only_its_new_events(tmp_path: Path) -> None:
    program = """
put(group(None, "a", "b")["a"], "before")
kept.save()
streams = logs._log_groups._data[key]["streams"]
del streams["b"]
streams["a"] = {**streams["a"], "events": []}
put(streams["a"], "after")
kept.save()
"""
    _python(tmp_path, program)
    assert _python(tmp_path, "show()") == "a after"
