"""Where things are in a checkout, and where this machine's local cloud keeps its state."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NODE_MODULES = ROOT / "node_modules"


def state_dir() -> Path:
    """`.local/` of the checkout, or what LOCAL_STATE names (CI uses a scratch folder)."""
    return Path(os.environ.get("LOCAL_STATE") or ROOT / ".local").resolve()
