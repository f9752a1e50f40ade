"""A scanner runs again exactly when the files that it reads have changed."""

from pathlib import Path
from typing import Final
from unittest.mock import Mock

import pytest

from checks.remembered import remembered

TEMPLATE: Final = '{"Image": "repository:%s", "Encrypted": true}'


def asked(tmp_path: Path, *contents: str) -> int:
    """How often the scanner runs when its one file has these contents in turn."""
    scan = Mock(return_value="answer")
    for content in contents:
        file = tmp_path / "template.json"
        file.write_text(content)
        said = remembered("scanner", files=[file], scan=scan, folder=tmp_path / "memory")
        assert said == "answer"
    return int(scan.call_count)


def test_the_same_contents_have_the_same_answer(tmp_path: Path) -> None:
    assert asked(tmp_path, TEMPLATE, TEMPLATE) == 1


def test_another_build_of_the_same_resources_has_the_same_answer(tmp_path: Path) -> None:
    assert asked(tmp_path, TEMPLATE % ("0a" * 32), TEMPLATE % ("1b" * 32)) == 1


@pytest.mark.parametrize("other", ["", TEMPLATE.replace("true", "false")])
def test_other_contents_are_scanned(tmp_path: Path, other: str) -> None:
    assert asked(tmp_path, TEMPLATE, other) == 2


def test_one_scanner_does_not_answer_for_another(tmp_path: Path) -> None:
    assert remembered("one", files=[], scan=lambda: "1", folder=tmp_path) == "1"
    assert remembered("two", files=[], scan=lambda: "2", folder=tmp_path) == "2"


def test_a_scan_that_failed_is_repeated(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no scanner"):
        remembered("s", files=[], scan=Mock(side_effect=OSError("no scanner")), folder=tmp_path)

    assert remembered("s", files=[], scan=lambda: "well", folder=tmp_path) == "well"
