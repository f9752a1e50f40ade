"""SQL by which a fixture detects that a test changed the structure of a shared ledger."""

from pathlib import Path

STRUCTURE = Path(__file__).with_suffix(".sql").read_text()
