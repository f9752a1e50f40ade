"""B8: commands run without a shell, one at a time for each environment, and keep their output."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lambda_src.shared.branch_suffix import suffix_of_branch
from page.actions import runner as runner_module
from page.actions.action import Order
from page.actions.registry import ACTIONS
from page.actions.runner import Busy, Command, Runner
from tests.patience import PATIENCE_SECONDS

RUN = "5f0c5b4e-1111-4222-8333-444455556666"
ENVIRONMENT = suffix_of_branch("feature/a")

# In the place of make: shows its arguments, then does what the test wants.
SHOWS = """
import os, signal, sys, time
print(*sys.argv[1:], sep="\\n")
"""
WAITS = SHOWS + "time.sleep(60)\n"


def fake_make(folder: Path, code: str) -> Runner:
    program = folder / "make.py"
    program.write_text(code)
    return Runner(folder=folder, program=(sys.executable, str(program)))


def order(name: str, *, on_aws: bool = False, **values: str) -> Order:
    return ACTIONS[name].order(values, on_aws=on_aws)


def drill(suffix: str = ENVIRONMENT) -> Order:
    return order("drill-kill-task", SUFFIX=suffix)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.01)


async def ended(command: Command) -> Command:
    await until(lambda: not command.is_running)
    return command


async def said_something(command: Command) -> None:
    await until(lambda: bool(command.output))


async def test_b8_make_gets_each_argument_as_it_is(tmp_path: Path) -> None:
    runner = fake_make(tmp_path, SHOWS)
    started = await runner.start(order("redrive", SUFFIX="main-v4grq1", REASON="not sent: (a) b"))
    command = await ended(started)
    assert command.output.splitlines() == [
        "redrive", "SUFFIX=main-v4grq1", "REASON=not sent: (a) b", "ANSWER=yes"
    ]  # fmt: skip
    assert command.exit_code == 0
    assert runner.command(command.id) is command
    assert runner.commands() == [command]


async def test_b8_the_command_runs_in_the_checkout_without_input_or_options_of_another_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", " -- AWS=yes")
    monkeypatch.setenv("MAKELEVEL", "1")
    monkeypatch.setenv("APPLY", "yes")
    code = SHOWS + (
        "print(os.getcwd(), sorted(n for n in os.environ if n.startswith('MAKE') or n == 'APPLY'),"
        " repr(sys.stdin.read()), os.getsid(0) == os.getpid())"
    )
    command = await ended(await fake_make(tmp_path, code).start(drill()))
    assert command.output.splitlines()[-1] == f"{tmp_path} [] '' True"


async def test_b8_output_is_seen_while_the_command_runs_and_the_exit_code_after_it(
    tmp_path: Path,
) -> None:
    code = SHOWS + "signal.signal(signal.SIGINT, lambda *_: sys.exit(3))\nprint('on')\n"
    command = await fake_make(tmp_path, code + "time.sleep(60)").start(drill())
    await until(lambda: "on\n" in command.output)
    assert command.is_running
    assert command.exit_code is None
    command.interrupt()
    assert (await ended(command)).exit_code == 3
    command.interrupt()  # a second click comes too late and does nothing
    assert command.seconds < 20


async def test_b8_a_second_click_finds_the_command_that_runs(tmp_path: Path) -> None:
    runner = fake_make(tmp_path, WAITS)
    command = await runner.start(drill())
    await said_something(command)
    for second in (
        drill(),
        order("drill-lose-zone", SUFFIX=ENVIRONMENT),
        order("destroy", BRANCH="feature/a"),  # the branch of that environment
    ):
        with pytest.raises(Busy, match=r"`make drill-kill-task SUFFIX=.*` runs") as busy:
            await runner.start(second)
        assert busy.value.command is command
    command.interrupt()
    await ended(command)
    assert runner.running(drill()) is None


async def test_b8_two_clicks_at_the_same_moment_start_one_command(tmp_path: Path) -> None:
    runner = fake_make(tmp_path, WAITS)
    answers = await asyncio.gather(
        *(runner.start(drill()) for _ in range(4)), return_exceptions=True
    )
    (command,) = (answer for answer in answers if isinstance(answer, Command))
    assert [type(answer) for answer in answers].count(Busy) == 3
    await said_something(command)
    command.interrupt()
    await ended(command)


async def test_b8_another_environment_a_look_and_an_approval_need_not_wait(tmp_path: Path) -> None:
    """`make retry` shows a run that waits for the approval: they must run together."""
    runner = fake_make(tmp_path, WAITS)
    started = [
        await runner.start(each)
        for each in (
            order("retry", BRANCH="feature/a"),
            order("approve", BRANCH="feature/a", EXECUTION=RUN),
            order("dead-letters", SUFFIX=ENVIRONMENT),
            drill("main-v4grq1"),
        )
    ]
    with pytest.raises(Busy):
        await runner.start(order("dead-letters", SUFFIX=ENVIRONMENT))
    for command in started:
        await said_something(command)
        command.interrupt()
        await ended(command)


async def test_b8_long_output_is_shown_from_its_end_in_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "OUTPUT_BYTES_MAX", 25)
    code = "for line in range(10): print(f'line {line:04}')"
    command = await ended(await fake_make(tmp_path, code).start(drill()))
    assert command.output == "[75 bytes before this are not shown]\nline 0008\nline 0009\n"


async def test_b8_output_is_shown_without_colors_and_control_characters(tmp_path: Path) -> None:
    code = "print('\\x1b[31mred\\x1b[0m \\x00<b>\\tgo\\r'); sys = __import__('sys');"
    code += "sys.stdout.buffer.write(b'\\xff')"
    command = await ended(await fake_make(tmp_path, code).start(drill()))
    assert sorted(command.output) == sorted("red <b>\tgo\n\ufffd")


async def test_b8_old_commands_are_forgotten_and_running_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "_COMMANDS_MAX", 2)
    runner = fake_make(tmp_path, WAITS)
    running = await runner.start(drill())
    await said_something(running)
    (tmp_path / "make.py").write_text(SHOWS)
    first = await ended(await runner.start(drill("a")))
    second = await ended(await runner.start(drill("b")))
    assert runner.commands() == [second, running]
    assert runner.command(first.id) is None
    assert first.file.closed
    running.interrupt()
    await ended(running)


async def test_b8_a_command_outlives_the_page(tmp_path: Path) -> None:
    """Its output is no pipe, which would break when the page ends."""
    code = "import time; time.sleep(0.3); print('x' * 100_000); open('done', 'w')"
    command = await fake_make(tmp_path, code).start(drill())
    command.file.close()
    await until((tmp_path / "done").exists)
    await ended(command)
