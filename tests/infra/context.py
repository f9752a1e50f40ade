"""The context of the real cdk.json, without what costs time and proves nothing here."""

import json
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CDK_JSON: dict[str, Any] = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
# No stack's assets are put together: no pip, and the same template.
UNBUNDLED: dict[str, Any] = {**CDK_JSON, "aws:cdk:bundling-stacks": []}
