"""The facts of an environment (addresses, names): printed for people, kept as JSON."""

import contextlib
import json
from collections.abc import Collection
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.aws import ACCOUNT, AwsClients
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError, RunningCloud
from local_cloud.whole_file import write_whole

Facts = dict[str, str]
_ENDINGS = (".json", ".pem")


def write_facts(paths: CloudPaths, facts: Facts) -> set[Path]:
    """Write `.local/environments/<suffix>.json` and its certificate; returns both files.

    Adds `certificate_file` to `facts` if the environment has its own certificate.
    """
    file = paths.environments / f"{facts['suffix']}.json"
    written = {file}
    if "ApiCertificate" in facts:
        certificate = file.with_suffix(".pem")
        facts["certificate_file"] = str(certificate)
        _write(certificate, facts["ApiCertificate"])
        written.add(certificate)
    _write(file, json.dumps(facts, indent=1) + "\n")
    return written


def facts_files(paths: CloudPaths) -> list[Path]:
    """The existing files of `write_facts`."""
    return [f for ending in _ENDINGS for f in sorted(paths.environments.glob(f"*{ending}"))]


def forget_stacks(paths: CloudPaths, stacks: Collection[str]) -> None:
    """Delete the facts of the environments whose stack is one of `stacks`."""
    for file in paths.environments.glob("*.json"):
        with contextlib.suppress(FileNotFoundError):  # another command has deleted it meanwhile
            if json.loads(file.read_text()).get("stack") in stacks:
                for ending in _ENDINGS:
                    file.with_suffix(ending).unlink(missing_ok=True)


def api_client(facts: Facts, cloud: RunningCloud) -> tuple[str, str]:
    """Id and secret of the environment's API client. Raises CloudError."""
    secrets = AwsClients(cloud.endpoint_url).secretsmanager
    name = facts["ApiCredentialsSecretName"]
    try:
        secret = secrets.get_secret_value(SecretId=name)
    except (BotoCoreError, ClientError) as error:
        raise CloudError(
            f"environment {facts['suffix']}: its secret {name} cannot be read ({error}); "
            "`make status` shows which environments are deployed"
        ) from error
    client = json.loads(secret["SecretString"])
    return client["client_id"], client["client_secret"]


def print_facts(facts: Facts, *, file: Path, page: str = "") -> None:
    """Print the table at the end of `make up`. Lines are not wrapped: they can be copied."""
    suffix = facts["suffix"]
    rows = {
        "environment": f"{suffix} (branch {facts['branch']}, commit {facts['commit'][:12]})",
        "API": facts["ApiUrl"],
        "API docs": facts["ApiDocsUrl"],
        "sign in there": f"make api-client SUFFIX={suffix}   # prints id and secret",
        "certificate": facts.get("certificate_file", "signed by a public authority"),
        "get a session": f'eval "$(make -s session SUFFIX={suffix})"   # sets API, CA and TOKEN',
        "queue": facts["TransactionQueueUrl"],
        "audit bucket": facts["AuditBucketName"],
        "AWS endpoint": f"{facts['aws_endpoint_url']} (account {ACCOUNT}, any credentials)",
        "all facts": str(file),
        "push": "git push local <branch>",
        "look": f"{page or 'make page'}   # or make status, make logs",
        "stop": "make down (make up brings everything back; make clean deletes it)",
    }
    print()
    for name, value in rows.items():
        print(f"{name:<15}{value}", flush=True)


def _write(file: Path, content: str) -> None:
    try:
        write_whole(file, content)
    except FileNotFoundError:  # there is no folder yet, or a server that starts has deleted it
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, content)
