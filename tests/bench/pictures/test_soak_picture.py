"""The plot of a soak, from the record that `make soak` writes."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.pictures import soak
from bench.pictures.soak import SOAK, Soak
from soak.history import keep

RECORD: dict[str, Any] = {
    "run": "make soak SECONDS=3 SEED=7",
    "seconds": [1.0, 2.0, 3.0, 4.0],
    "faults": [0, 5, 5, 5],
    "sent": [10, 20, 30, 30],
    "recorded": [5, 10, 28, 30],
    "faults_ended": 3.0,
    "problems": [],
}


def test_a_soak_leaves_its_record_and_its_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_STATE", str(tmp_path))

    keep(RECORD)

    assert json.loads((tmp_path / "drills" / "soak.json").read_text()) == RECORD
    drawn = (tmp_path / "drills" / "soak.svg").read_text()
    assert "every message is accounted for" in drawn
    assert drawn == SOAK.drawn(SOAK.read(tmp_path / "drills"))
    assert "soak.svg" in capsys.readouterr().out


def test_a_plot_that_cannot_be_drawn_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_STATE", str(tmp_path))

    keep({"run": "make soak"})

    assert "no plot: " in capsys.readouterr().out


def test_a_problem_is_said_below_the_plot() -> None:
    broken = Soak(**RECORD | {"problems": ["a message is lost: 42"]})

    assert "NOT consistent: a message is lost: 42" in SOAK.drawn(broken)


def test_a_record_that_is_not_there_ends_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["soak", str(tmp_path)])

    assert soak.main() == 1

    assert "soak.json is no whole record" in capsys.readouterr().err
