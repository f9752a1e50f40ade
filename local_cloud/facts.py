"""What a person needs to use a delivered environment: printed, and kept as JSON."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local_cloud.paths import CloudPaths
from local_cloud.server import RunningCloud


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


def forget_facts(paths: CloudPaths, suffix: str) -> None:
    for ending in ("json", "pem"):
        (paths.environments / f"{suffix}.{ending}").unlink(missing_ok=True)


def print_facts(facts: dict[str, str], *, file: Path, console: Console) -> None:
    """The table that ends `make up`; long values are not cut, so that they can be copied."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    certificate = f'--cacert "{facts["certificate_file"]}" ' if "certificate_file" in facts else ""
    suffix = facts["suffix"]
    rows = {
        "environment": f"{suffix} (branch {facts['branch']}, commit {facts['commit'][:12]})",
        "API": facts["ApiUrl"],
        "API docs": facts.get("ApiDocsUrl", facts["ApiUrl"] + "/docs"),
        "get a session": f'curl -s {certificate}-u "$(make -s credentials SUFFIX={suffix})" '
        "-H 'Content-Type: application/json' "
        f'-d \'{{"user_id": "me"}}\' {facts["ApiUrl"]}/sessions',
        "queue": facts["TransactionQueueUrl"],
        "audit bucket": facts["AuditBucketName"],
        "AWS endpoint": f"{facts['aws_endpoint_url']} (account 000000000000, any credentials)",
        "all facts": str(file),
        "push": "git push local <branch>",
        "look": "make status, make logs",
        "stop": "make down (make clean also removes .local/)",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.print()
    console.print(table, soft_wrap=True)
