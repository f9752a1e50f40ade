"""What a person needs to use a delivered environment: printed, and kept as JSON."""

import json
from pathlib import Path

from local_cloud.aws import ACCOUNT, AwsClients
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError, RunningCloud


def save_facts(
    paths: CloudPaths, cloud: RunningCloud, *, branch: str, commit: str, outputs: dict[str, str]
) -> dict[str, str]:
    """Write `.local/environments/<suffix>.json` (and its certificate) and return the facts."""
    suffix = outputs["EnvironmentSuffix"]
    paths.environments.mkdir(parents=True, exist_ok=True)
    facts = {
        "suffix": suffix,
        "branch": branch,
        "commit": commit,
        "aws_endpoint_url": cloud.endpoint_url,
        **outputs,
    }
    if "ApiCertificate" in outputs:
        certificate = paths.environments / f"{suffix}.pem"
        certificate.write_text(outputs["ApiCertificate"])
        facts["certificate_file"] = str(certificate)
    (paths.environments / f"{suffix}.json").write_text(json.dumps(facts, indent=1) + "\n")
    return facts


def load_facts(paths: CloudPaths) -> list[dict[str, str]]:
    """The facts of every delivered environment, by suffix."""
    if not paths.environments.exists():
        return []
    return [json.loads(f.read_text()) for f in sorted(paths.environments.glob("*.json"))]


def the_environment(paths: CloudPaths, *, suffix: str = "") -> dict[str, str]:
    """The facts of `suffix`, or of the only environment. Raises CloudError."""
    known = load_facts(paths)
    chosen = [f for f in known if suffix in ("", f["suffix"])]
    if len(chosen) != 1:
        names = ", ".join(f["suffix"] for f in known) or "none: `make up` makes one"
        raise CloudError(f"SUFFIX={suffix!r} does not name one environment; there are {names}")
    return chosen[0]


def api_client(facts: dict[str, str], cloud: RunningCloud) -> tuple[str, str]:
    """Id and secret of the environment's API client."""
    secrets = AwsClients(cloud.endpoint_url).secretsmanager
    secret = secrets.get_secret_value(SecretId=facts["ApiCredentialsSecretName"])
    client = json.loads(secret["SecretString"])
    return client["client_id"], client["client_secret"]


def forget_facts(paths: CloudPaths, suffix: str) -> None:
    for ending in ("json", "pem"):
        (paths.environments / f"{suffix}.{ending}").unlink(missing_ok=True)


def print_facts(facts: dict[str, str], *, file: Path) -> None:
    """The table that ends `make up`; lines are as long as they are, so that they can be copied."""
    suffix = facts["suffix"]
    rows = {
        "environment": f"{suffix} (branch {facts['branch']}, commit {facts['commit'][:12]})",
        "API": facts["ApiUrl"],
        "API docs": facts["ApiDocsUrl"],
        "sign in there": f"make api-client SUFFIX={suffix}   # prints user name and password",
        "certificate": facts.get("certificate_file", "signed by a public authority"),
        "get a session": f'eval "$(make -s session SUFFIX={suffix})"   # sets API, CA and TOKEN',
        "queue": facts["TransactionQueueUrl"],
        "audit bucket": facts["AuditBucketName"],
        "AWS endpoint": f"{facts['aws_endpoint_url']} (account {ACCOUNT}, any credentials)",
        "all facts": str(file),
        "push": "git push local <branch>",
        "look": "make status, make logs",
        "stop": "make down (make clean also removes .local/)",
    }
    print()
    for name, value in rows.items():
        print(f"{name:<15}{value}", flush=True)
