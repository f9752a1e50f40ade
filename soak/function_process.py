"""A function of the environment in worker processes, one invocation at a time in each, as Lambda.

A worker that does not answer in time is killed, and the next invocation starts another one.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from local_cloud.paths import ROOT

TIMEOUT_SECONDS = 30


class InvocationFailed(Exception):
    """The function was killed."""


class FunctionFailed(InvocationFailed):
    """The function raised an error or did not answer in time, which it must not do."""


@dataclass(frozen=True, kw_only=True)
class Function:
    module: str  # its entrypoint
    environment: Mapping[str, str]
    log_file: Path


class Worker:
    """Not safe for threads, except `kill`."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._process: subprocess.Popen[str] | None = None

    def invoke(self, event: Any) -> Any:
        """What the handler returned. Raises InvocationFailed."""
        if self._process is None or self._process.poll() is not None:
            self.kill()
            self._process = self._start()
        stdin, stdout = self._pipes(self._process)
        late = threading.Event()
        timer = threading.Timer(TIMEOUT_SECONDS, self._end, (self._process, late))
        timer.start()
        try:
            stdin.write(json.dumps({"event": event, "seconds": TIMEOUT_SECONDS}) + "\n")
            stdin.flush()
            line = stdout.readline()
        except OSError as error:
            raise InvocationFailed(f"the worker has gone: {error}") from error
        finally:
            timer.cancel()
        if late.is_set():
            raise FunctionFailed(f"no answer in {TIMEOUT_SECONDS} s")
        if not line:
            raise InvocationFailed("the worker was killed")
        answer = json.loads(line)
        if "error" in answer:
            raise FunctionFailed(answer["error"])
        return answer

    def kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in self._pipes(process):
            with suppress(OSError):  # what was not flushed is lost, as meant
                pipe.close()

    def kill_running(self) -> None:
        """End the process; the running invocation fails. Safe to call from another thread."""
        process = self._process
        if process is not None:
            process.kill()

    def _start(self) -> subprocess.Popen[str]:
        with self._function.log_file.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "soak.function_program", self._function.module],
                cwd=ROOT,
                env=dict(self._function.environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for the soak, which then ends it
            )

    @staticmethod
    def _end(process: subprocess.Popen[str], late: threading.Event) -> None:
        late.set()
        process.kill()

    @staticmethod
    def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
        assert process.stdin is not None
        assert process.stdout is not None
        return process.stdin, process.stdout
