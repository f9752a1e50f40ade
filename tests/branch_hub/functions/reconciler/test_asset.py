"""B2: the reconciler as it is deployed."""

import json
from pathlib import Path

from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.account import Account
from tests.branch_hub.functions.reconciler.deployed import deploy_function
from tests.branch_hub.functions.reconciler.hub import Hub
from tests.branch_hub.git_server import GitServer


def test_b2_the_function_answers_from_its_asset_alone(
    account: Account, git: GitServer, tmp_path: Path
) -> None:
    """No import of it is missing."""
    hub = Hub(account, git)
    git.branches["main"] = "2026-11-22T03:00:00Z"
    function = deploy_function(account, hub, tmp_path)

    answer = account.client("lambda").invoke(FunctionName=function, Payload=b'{"apply": false}')
    content = json.loads(answer["Payload"].read())

    assert "FunctionError" not in answer, content
    plan = {step["suffix"]: step["action"] for step in content["plan"]}
    assert plan[suffix_of_branch("main")] == "leave"
