"""The database cluster: a writer, a standby, and what follows when the writer is killed."""

import json
import os
import signal
import ssl
import time

import pg8000.dbapi
import psutil

from local_cloud.certificates import LocalAuthority
from tests.local_cloud.emulator.deployed import Deployed


def test_the_cluster_has_a_writer_and_a_standby_behind_verified_tls(deployed: Deployed) -> None:
    outputs = deployed.outputs()
    secret = deployed.aws.secretsmanager.get_secret_value(SecretId=outputs["SecretArn"])
    roots = LocalAuthority(deployed.paths.database_authority).certificate_file
    is_standby = {}
    for role in ("WriterHost", "ReaderHost"):
        connection = pg8000.dbapi.connect(
            user="root",
            password=json.loads(secret["SecretString"])["password"],
            host=outputs[role],
            port=int(outputs["Port"]),
            database="books",
            ssl_context=ssl.create_default_context(cafile=str(roots)),
            timeout=60,
        )
        cursor = connection.cursor()
        cursor.execute("SELECT pg_is_in_recovery()")
        is_standby[role] = cursor.fetchone()[0]
        connection.close()
    assert is_standby == {"WriterHost": False, "ReaderHost": True}


def test_s65_a_killed_writer_is_replaced_and_the_api_names_the_new_one(deployed: Deployed) -> None:
    (file,) = deployed.paths.databases.glob("*.json")
    before = {d["role"]: d for d in json.loads(file.read_text())}

    # A copy begins with a checkpoint: it waits while this process of the new writer stands still.
    checkpointer = _checkpointer(before["standby"]["pid"])
    checkpointer.suspend()
    os.kill(before["writer"]["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 300
    while (before["writer"]["instance"], "rebooting") not in _instance_states(deployed):
        assert time.monotonic() < deadline, "it is not told while the writer is copied"
        time.sleep(0.05)
    checkpointer.resume()

    while True:
        after = {d["role"]: d for d in json.loads(file.read_text())}
        states = {role: d["state"] for role, d in after.items()}
        has_moved = after["writer"]["instance"] == before["standby"]["instance"]
        if has_moved and states == {"writer": "serving", "standby": "in sync"}:
            break
        assert time.monotonic() < deadline, "the standby did not take over"
        time.sleep(0.05)
    assert {state for _, state in _instance_states(deployed)} == {"available"}
    (cluster,) = deployed.aws.rds.describe_db_clusters()["DBClusters"]
    writers = [m for m in cluster["DBClusterMembers"] if m["IsClusterWriter"]]
    assert [m["DBInstanceIdentifier"] for m in writers] == [after["writer"]["instance"]]
    assert after["writer"]["address"].split(":")[0] == cluster["Endpoint"]
    assert cluster["Endpoint"] == deployed.outputs()["ReaderHost"]  # clients know both


def _checkpointer(server_pid: int) -> psutil.Process:
    (found,) = (
        child
        for child in psutil.Process(server_pid).children()
        if child.cmdline()[0].startswith("postgres: checkpointer")
    )
    return found


def _instance_states(deployed: Deployed) -> set[tuple[str, str]]:
    instances = deployed.aws.rds.describe_db_instances()["DBInstances"]
    return {(i["DBInstanceIdentifier"], i["DBInstanceStatus"]) for i in instances}
