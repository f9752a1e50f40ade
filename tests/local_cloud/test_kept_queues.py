"""A message that another service adds or removes is neither lost nor kept twice.

Each test runs in a process of its own: MiniStack's queues belong to the process.
"""

import subprocess
import sys
from pathlib import Path

import pytest

_BEGIN = """
import sys
from pathlib import Path
from local_cloud.emulator.ministack_adapter.kept_queues import KeptQueues

def message(name):
    return {"id": name, "body": name, "receipt_handle": None, "visible_at": 0.0}

folder, key = Path(sys.argv[1]), ("000000000000", "us-east-1", "http://queue/one")
queue = {"name": "one", "url": key[2], "attributes": {}, "messages": [message("first")]}
"""

_FILL = """
kept = KeptQueues(folder)
kept.queues[key] = queue
record = kept.queues[key]
taken = record["messages"]
"""

_SHOW = """
def bodies(kept):
    return ",".join(m["body"] for q in kept.queues.values() for m in q["messages"])

print(bodies(kept))
"""

_READ = (
    "print(','.join(m['body'] for q in KeptQueues(folder).queues.values() for m in q['messages']))"
)


def _python(folder: Path, program: str) -> str:
    command = [sys.executable, "-c", _BEGIN + program, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("record['messages'] = []; taken.append(message('late'))", "late"),
        (
            "record['messages'] = list(taken); taken.remove(taken[0]); taken.append(message('b'))",
            "b",
        ),
        ("record['messages'] = list(taken); taken.clear()", ""),
        ("record['messages'] = []; taken.remove(taken[0])", ""),
    ],
)
def test_a_list_that_was_replaced_changes_the_queue(tmp_path: Path, change: str, left: str) -> None:
    assert _python(tmp_path, f"{_FILL}\n{change}\n{_SHOW}") == left
    assert _python(tmp_path, _READ) == left, "after a kill"


def test_a_message_for_a_deleted_queue_does_not_damage_the_journal(tmp_path: Path) -> None:
    _python(tmp_path, f"{_FILL}\ndel kept.queues[key]; taken.append(message('late'))")
    assert _python(tmp_path, _READ) == ""
