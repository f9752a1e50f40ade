"""The end of the stack, after all other tests of this folder."""

import json

import psutil

from tests.local_cloud.emulator.deployed import Deployed, wait


def test_a_deleted_stack_leaves_no_process_and_no_data(deployed: Deployed) -> None:
    deployed.aws.cloudformation.delete_stack(StackName="app")
    wait(deployed.aws, "stack_delete_complete")
    commands = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    assert not [c for c in commands if str(deployed.paths.databases) in c]
    assert list(deployed.paths.databases.glob("*/writer")) == []
    assert json.loads(deployed.paths.addresses.read_text()) == {}
