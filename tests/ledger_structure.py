"""How a fixture notices that a test left a shared ledger with another structure."""

from pathlib import Path

STRUCTURE = Path(__file__).with_suffix(".sql").read_text()
