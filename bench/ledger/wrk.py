"""Runs Debian's wrk, a load generator that is not written in Python."""

import json
import resource
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.ledger.programs import path_of

_SCRIPT = Path(__file__).with_name("wrk.lua")
_TIMEOUT_SECONDS = 10  # of one answer: a slow one is measured, not counted as an error


class AnswersFailed(Exception):
    """Not all answers were good, so that the numbers would mean nothing."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """`rate` is in requests per second; 0 is as many as the connections can send."""

    connections: int = 64
    accounts: int
    transactions: int = 1  # per request
    rate: float = 0
    threads: int = 1


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What wrk has seen. Times are from a request that is sent to its whole answer."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    longest_ms: float
    generator_seconds: float = 0  # processor time of wrk

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def run_wrk(url: str, *, token: str, load: Load, seconds: int) -> Answers:
    """Raises ProgramMissing, or AnswersFailed if one answer was not 2xx or none came."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [
            path_of("wrk"),
            f"--threads={load.threads}",
            f"--connections={load.connections}",
            f"--duration={seconds}s",
            f"--timeout={_TIMEOUT_SECONDS}s",
            f"--script={_SCRIPT}",
            url,
            "--",
            token,
            str(load.accounts),
            str(load.transactions),
            str(load.rate / load.threads),
            str(secrets.randbelow(2**31)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 60,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise AnswersFailed(f"wrk ended with {done.returncode}: {done.stdout}{done.stderr}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return answers_of(done.stdout, generator_seconds=used)


def answers_of(output: str, *, generator_seconds: float = 0) -> Answers:
    """Reads the line that `wrk.lua` prints at the end. Raises AnswersFailed."""
    lines = [line for line in output.splitlines() if line.startswith("result ")]
    if not lines:
        raise AnswersFailed(f"wrk printed no result: {output}")
    found = json.loads(lines[-1].removeprefix("result "))
    failures = {
        name: found[name]
        for name in ("not_2xx", "connect", "read", "write", "timeout")
        if found[name]
    }
    if failures:
        counted = ", ".join(f"{name}: {count}" for name, count in failures.items())
        raise AnswersFailed(f"wrk got {found['requests']} answers and counted failures: {counted}")
    if not found["requests"]:
        raise AnswersFailed(f"wrk got no answer in {found['microseconds'] / 1e6:.0f} s")
    return Answers(
        requests=found["requests"],
        seconds=found["microseconds"] / 1e6,
        p50_ms=found["p50"] / 1000,
        p99_ms=found["p99"] / 1000,
        longest_ms=found["longest"] / 1000,
        generator_seconds=generator_seconds,
    )
