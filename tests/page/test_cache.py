"""Answers are remembered for seconds, and read once for all who wait."""

import threading
from collections.abc import Callable
from typing import NoReturn

import pytest

from page.cache import Cache
from page.settings import PageSettings
from tests.page.recorded import CHECKOUT
from tests.patience import PATIENCE_SECONDS


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _counting() -> Callable[[], int]:
    numbers = iter(range(1, 100))
    return lambda: next(numbers)


def test_an_answer_is_read_again_when_it_is_old() -> None:
    clock = _Clock()
    cache, read = Cache(seconds=2, clock=clock), _counting()
    assert [cache.get("a", read), cache.get("a", read)] == [1, 1]
    clock.now = 2
    assert cache.get("a", read) == 2


def test_an_answer_may_be_kept_longer() -> None:
    clock = _Clock()
    cache, read = Cache(seconds=2, clock=clock), _counting()
    cache.get("a", read, seconds=60)
    clock.now = 59
    assert cache.get("a", read) == 1


def test_an_api_that_refuses_is_left_alone() -> None:
    cache, calls = Cache(seconds=2, clock=_Clock()), []

    def refuse() -> NoReturn:
        calls.append(1)
        raise ValueError("too many calls")

    for _ in range(3):
        with pytest.raises(ValueError, match="too many calls"):
            cache.get("a", refuse)
    assert len(calls) == 1


def test_of_several_who_want_the_same_one_reads() -> None:
    cache, calls = Cache(seconds=60), []
    begun, may_end = threading.Event(), threading.Event()

    def read() -> str:
        calls.append(1)
        begun.set()
        may_end.wait(PATIENCE_SECONDS)
        return "answer"

    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(cache.get("a", read))) for _ in "123"]
    for thread in threads:
        thread.start()
    assert begun.wait(PATIENCE_SECONDS)
    may_end.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert answers == ["answer"] * 3
    assert len(calls) == 1


def test_old_answers_are_forgotten() -> None:
    clock = _Clock()
    cache = Cache(seconds=2, clock=clock)
    for number in range(100):
        clock.now = number * 3.0
        cache.get(number, object)
    assert len(cache) == 1


def test_aws_is_asked_less_often_than_the_local_cloud() -> None:
    local, aws = PageSettings(checkout=CHECKOUT), PageSettings(checkout=CHECKOUT, is_aws=True)
    assert (local.cache_seconds, aws.cache_seconds) == (2, 10)
