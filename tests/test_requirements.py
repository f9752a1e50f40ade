"""docs/requirements.md names the proof of each promise: every name must exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS = {
    cells[0]: (cells[2], cells[3])
    for line in (ROOT / "docs" / "requirements.md").read_text().splitlines()
    if re.match(r"\| [SB]\d", line)
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}
TESTS = {
    name
    for room in ("tests", "integration_tests")
    for file in (ROOT / room).rglob("test_*.py")
    for name in re.findall(r"def (test_\w+)", file.read_text())
}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def numbers(row: str) -> set[str]:
    """`S10-S12` and `S30, S31` name several rows."""
    found = re.findall(r"([SB])(\d+)", row)
    if "-" in row:
        (letter, first), (_, last) = found
        return {f"{letter}{n}" for n in range(int(first), int(last) + 1)}
    return {letter + number for letter, number in found}


def exists(named: str) -> bool:
    if named.startswith("make "):
        return named.split()[1] in TARGETS
    if named.startswith("test_"):
        pattern = re.compile(named.replace("*", r"\w+"))
        return any(pattern.fullmatch(test) for test in TESTS)
    if "/" in named and " " not in named:
        return any(ROOT.glob(named.removesuffix("/")))
    return True  # another command


def test_every_requirement_has_a_row() -> None:
    said = {number for row in ROWS for number in numbers(row)}
    ranges = ((10, 13), (20, 23), (30, 33), (40, 43), (50, 52), (60, 68))

    assert said >= {f"S{n}" for first, last in ranges for n in range(first, last + 1)}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_a_proof_that_exists(row: str) -> None:
    state, where = ROWS[row]
    named = [n for n in re.findall(r"`([^`]+)`", where) if not n.startswith("--")]

    assert state in ("proved", "locally", "synthesized", "partly", "open")
    assert named or state == "open" or row == "S68"
    assert [n for n in named if not exists(n)] == []
