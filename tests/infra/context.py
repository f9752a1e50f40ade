"""The context of cdk.json, without bundling, which takes time and proves nothing here."""

import json
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CDK_JSON: dict[str, Any] = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
# No assets are bundled: no pip, and the same templates.
UNBUNDLED: dict[str, Any] = {**CDK_JSON, "aws:cdk:bundling-stacks": []}
