"""The awslogs driver: copies new lines of a task's log file to its CloudWatch log group."""

import time
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from local_cloud.aws import AwsClients
from local_cloud.emulator.task import Task

_LINES_PER_CALL_MAX = 1000


@dataclass(kw_only=True)
class _Followed:
    file: Path
    group: str
    stream: str
    position: int = 0


class TaskLogs:
    """Call `forward` periodically. A task without a log group has its file only."""

    def __init__(self, aws: AwsClients) -> None:
        self._aws = aws
        self._followed: dict[str, _Followed] = {}

    def follow(self, task: Task) -> None:
        container = task.container
        if container.log_group is None:
            return
        stream = f"{container.log_stream_prefix}/{container.name}/{task.id}"
        try:
            self._aws.logs.create_log_stream(logGroupName=container.log_group, logStreamName=stream)
        except ClientError:
            return  # the group is deleted
        self._followed[task.id] = _Followed(
            file=task.log_file, group=container.log_group, stream=stream
        )

    def forget(self, task: Task) -> None:
        """Forward the last lines, then stop following."""
        followed = self._followed.pop(task.id, None)
        if followed is not None:
            self._forward(followed)

    def forward(self) -> None:
        for followed in list(self._followed.values()):
            self._forward(followed)

    def _forward(self, followed: _Followed) -> None:
        if followed.file.stat().st_size <= followed.position:
            return
        with followed.file.open("rb") as file:
            file.seek(followed.position)
            lines = file.readlines(1 << 20)[:_LINES_PER_CALL_MAX]
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # still being written
        now_ms = int(time.time() * 1000)
        events = [
            {"timestamp": now_ms, "message": text}
            for line in lines
            if (text := line.decode(errors="replace").rstrip("\n"))
        ]
        try:
            if events:
                self._aws.logs.put_log_events(
                    logGroupName=followed.group,
                    logStreamName=followed.stream,
                    logEvents=events,  # type: ignore[arg-type]
                )
        except ClientError:
            pass  # the group was deleted with its stack: the lines are in the task's file
        followed.position += sum(len(line) for line in lines)
