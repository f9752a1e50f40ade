"""The keeper saves services in an order in which no stack is newer than its resources."""

import pickle
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from local_cloud.emulator import state_keeper
from local_cloud.emulator.state_keeper import StateKeeper
from local_cloud.saved_state import StateError, read_snapshot


class Services:
    """Services whose state is a number; `broken` ones cannot be read."""

    def __init__(self) -> None:
        self.states: dict[str, Any] = {"cloudformation": 1, "dynamodb": 1}
        self.broken: set[str] = set()

    def loaded_services(self) -> list[str]:
        return sorted(self.states)

    def state_of(self, name: str) -> bytes:
        if name in self.broken:
            raise OSError(f"{name} is broken")
        return pickle.dumps(self.states[name])

    def module_of(self, name: str) -> str:
        return name

    def is_working(self) -> bool:
        return False

    def works_started(self) -> int:
        return 0


class Journals:
    """In place of queues and logs."""

    def __init__(self, folder: Path) -> None:
        self.is_broken = False

    def save(self) -> None:
        if self.is_broken:
            raise OSError("the disk is full")

    def rewrite(self) -> None:
        self.save()


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    services = Services()
    monkeypatch.setattr(state_keeper, "kept_services", services)
    monkeypatch.setattr(state_keeper, "KeptObjects", Mock())
    monkeypatch.setattr(state_keeper, "KeptQueues", Journals)
    monkeypatch.setattr(state_keeper, "KeptLogs", Journals)
    return services


def _saved(folder: Path, name: str) -> Any:
    return read_snapshot(folder / f"{name}.state")


def _pause(keeper: StateKeeper, name: str) -> None:
    keeper._saved[name].next_monotonic = float("inf")


def test_a_changed_stack_is_saved_with_its_resources_also_in_their_pause(
    services: Services, tmp_path: Path
) -> None:
    keeper = StateKeeper(tmp_path)
    keeper._look()
    _pause(keeper, "dynamodb")
    keeper._saved["cloudformation"].next_monotonic = 0.0
    services.states = {"cloudformation": 2, "dynamodb": 2}
    keeper._changes.note("cloudformation")
    keeper._look()
    assert (_saved(tmp_path, "cloudformation"), _saved(tmp_path, "dynamodb")) == (2, 2)


def test_a_stack_is_not_saved_when_its_resources_cannot_be(
    services: Services, tmp_path: Path
) -> None:
    keeper = StateKeeper(tmp_path)
    keeper._look()
    for saved in keeper._saved.values():
        saved.next_monotonic = 0.0
    services.states = {"cloudformation": 2, "dynamodb": 2}
    services.broken = {"dynamodb"}
    keeper._changes.note("cloudformation")
    keeper._look()
    assert _saved(tmp_path, "cloudformation") == 1

    services.broken = set()
    for saved in keeper._saved.values():
        saved.next_monotonic = 0.0
    keeper._look()
    assert (_saved(tmp_path, "cloudformation"), _saved(tmp_path, "dynamodb")) == (2, 2)


def test_a_stack_that_is_completed_during_the_saving_is_not_saved_as_complete(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = StateKeeper(tmp_path)
    state_of = services.state_of

    def and_then_complete(name: str) -> bytes:
        state = state_of(name)
        if name == "dynamodb":
            services.states = {"cloudformation": "complete", "dynamodb": "with the table"}
        return state

    monkeypatch.setattr(services, "state_of", and_then_complete)
    keeper._look()
    assert (_saved(tmp_path, "cloudformation"), _saved(tmp_path, "dynamodb")) == (1, 1)


def test_an_unchanged_stack_ends_no_pause(services: Services, tmp_path: Path) -> None:
    keeper = StateKeeper(tmp_path)
    keeper._look()
    _pause(keeper, "dynamodb")
    keeper._saved["cloudformation"].next_monotonic = 0.0
    services.states["dynamodb"] = 2
    keeper._changes.note("cloudformation")
    keeper._look()
    assert _saved(tmp_path, "dynamodb") == 1


def test_a_journal_that_cannot_be_written_hides_no_service(
    services: Services, tmp_path: Path
) -> None:
    keeper = StateKeeper(tmp_path)
    keeper._queues.is_broken = keeper._logs.is_broken = True  # type: ignore[attr-defined]
    keeper._look()
    assert (_saved(tmp_path, "cloudformation"), _saved(tmp_path, "dynamodb")) == (1, 1)


def test_what_could_not_be_looked_at_is_looked_at_again(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = StateKeeper(tmp_path)
    keeper._look()
    keeper._look()
    for saved in keeper._saved.values():
        saved.next_monotonic = 0.0
    services.states["dynamodb"] = 2
    keeper._changes.note("dynamodb")
    with monkeypatch.context() as broken:
        broken.setattr(services, "is_working", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            keeper._look()
    keeper._look()
    assert _saved(tmp_path, "dynamodb") == 2


def test_the_end_saves_all_that_it_can_and_says_what_it_could_not(
    services: Services, tmp_path: Path
) -> None:
    services.states = {"acm": 1, "cloudformation": 1, "dynamodb": 1}
    services.broken = {"acm"}
    keeper = StateKeeper(tmp_path)
    keeper._queues.is_broken = True  # type: ignore[attr-defined]
    keeper._thread.start()
    with pytest.raises(StateError, match="not saved: acm, cloudformation, queues"):
        keeper.stop()
    assert _saved(tmp_path, "dynamodb") == 1


def test_files_that_a_killed_server_did_not_finish_are_deleted(
    services: Services, tmp_path: Path
) -> None:
    unfinished = tmp_path / ".logs-1"
    unfinished.touch()
    StateKeeper(tmp_path)
    assert not unfinished.exists()
