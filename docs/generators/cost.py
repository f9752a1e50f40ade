"""Text of docs/cost.md, from the templates and a small price table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app_service.outbox.relay import LINGER_SECONDS
from checks.environment_template import ROOT

PAGE: Final = ROOT / "docs" / "cost.md"
HOURS: Final = 730  # of a month, as AWS counts
SECONDS: Final = HOURS * 3600
Template = Mapping[str, Any]

# List prices of us-east-1 in US dollars, without free tiers and discounts.
PRICES_AS_OF: Final = "last known in November 2025 and noted by hand: check before relying"
NAT_HOUR, NAT_GB = 0.045, 0.045
ADDRESS_HOUR = 0.005
ALB_HOUR, LCU_HOUR = 0.0225, 0.008
FARGATE_CPU_HOUR, FARGATE_GB_HOUR = 0.04048, 0.004445
ACU_HOUR, AURORA_GB_MONTH, AURORA_IO_MILLION = 0.12, 0.10, 0.20
DYNAMODB_READ_MILLION, DYNAMODB_WRITE_MILLION = 0.125, 0.625
SQS_MILLION = 0.40
LAMBDA_MILLION, LAMBDA_GB_SECOND = 0.20, 0.0000133334
S3_PUT_THOUSAND, S3_TO_IA_THOUSAND, S3_GET_THOUSAND = 0.005, 0.01, 0.0004
S3_GB_MONTH: Final = 0.023
KEY_MONTH, SECRET_MONTH = 1.00, 0.40
ALARM_METRIC_MONTH, COMPOSITE_MONTH, DASHBOARD_MONTH = 0.10, 0.50, 3.00
LOGS_GB = 0.50
EVENT_MILLION = 1.00  # https://aws.amazon.com/eventbridge/pricing
CUSTOM_METRIC_MONTH = 0.30
# https://aws.amazon.com/waf/pricing
WEB_ACL_MONTH, WEB_RULE_MONTH, WEB_REQUEST_MILLION = 5.00, 1.00, 0.60
# https://aws.amazon.com/cloudwatch/pricing: Container Insights with enhanced observability, ECS
INSIGHTS_METRIC_MONTH = 0.07
# Estimated: those of cluster, service and family, and those of a task with its container.
INSIGHTS_METRICS, INSIGHTS_METRICS_OF_TASK = 60, 40
INSIGHTS_LOGS_GB_OF_TASK = 0.15
OS_METRICS_GB_OF_INSTANCE = 0.27  # at one value a minute

VERIFIED_PER_SECOND: Final = 5_000  # transactions; assumed


@dataclass(frozen=True, kw_only=True)
class Load:
    """A month of use. The page lists the assumptions."""

    name: str
    transactions_per_second: float
    acu: float  # of the writer; the reader follows it
    io_per_transaction: float = 4
    egress_gb: float = 0
    logs_gb: float = 0

    @property
    def transactions(self) -> float:
        return self.transactions_per_second * SECONDS


IDLE: Final = Load(name="idle", transactions_per_second=0, acu=0.5, egress_gb=2, logs_gb=1)
BUSY: Final = Load(
    name="100 transactions/s", transactions_per_second=100, acu=1, egress_gb=400, logs_gb=30
)


def _network(template: Template, load: Load) -> float:
    gateways = len(_all(template, "AWS::EC2::NatGateway"))
    addresses = gateways + 2  # and one of the load balancer in each zone
    return gateways * NAT_HOUR * HOURS + load.egress_gb * NAT_GB + addresses * ADDRESS_HOUR * HOURS


def _load_balancer(template: Template, load: Load) -> float:
    # A capacity unit is 25 new connections a second or 1 GB an hour: clients keep connections.
    units = load.transactions_per_second / 100
    return (
        len(_all(template, "AWS::ElasticLoadBalancingV2::LoadBalancer"))
        * HOURS
        * (ALB_HOUR + units * LCU_HOUR)
    )


def _firewall(template: Template, load: Load) -> float:
    return sum(
        WEB_ACL_MONTH
        + len(acl["Rules"]) * WEB_RULE_MONTH
        + load.transactions / 1e6 * WEB_REQUEST_MILLION
        for acl in _all(template, "AWS::WAFv2::WebACL")
    )


def _tasks(template: Template, _: Load) -> float:
    (task,) = _all(template, "AWS::ECS::TaskDefinition")
    (scaling,) = _all(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    hourly = (
        int(task["Cpu"]) / 1024 * FARGATE_CPU_HOUR + int(task["Memory"]) / 1024 * FARGATE_GB_HOUR
    )
    return float(scaling["MinCapacity"] * hourly * HOURS)


def _database(template: Template, load: Load) -> float:
    instances = len(_all(template, "AWS::RDS::DBInstance"))
    storage = 10 * AURORA_GB_MONTH
    return (
        instances * load.acu * ACU_HOUR * HOURS
        + storage
        + load.transactions * load.io_per_transaction / 1e6 * AURORA_IO_MILLION
    )


def _sessions(template: Template, load: Load) -> float:
    # A task keeps a session that it has seen: one read in a hundred requests, few new sessions.
    reads, writes = load.transactions / 100, load.transactions / 10_000
    # Of three clients beside the first, each task reads the credentials every five seconds.
    (scaling,) = _all(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    reads += min(load.transactions, 3 * int(scaling["MinCapacity"]) * SECONDS / 5)
    return reads / 1e6 * DYNAMODB_READ_MILLION + 2 * writes / 1e6 * DYNAMODB_WRITE_MILLION


def _batches(template: Template, load: Load) -> float:
    """Messages and objects of the audit trail: each task sends one after each linger."""
    (scaling,) = _all(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    return min(load.transactions, int(scaling["MinCapacity"]) * SECONDS / LINGER_SECONDS)


def _queues(template: Template, load: Load) -> float:
    # Each message is sent, received and deleted alone; five long polls ask an empty queue.
    polls = 2 * 5 * SECONDS / 20
    return (polls + 3 * _batches(template, load)) / 1e6 * SQS_MILLION


def _functions(template: Template, load: Load) -> float:
    (writer,) = (
        f
        for f in _all(template, "AWS::Lambda::Function")
        if str(f.get("FunctionName", "")).startswith("audit-writer")
    )
    calls = _batches(template, load)
    seconds = calls * 0.15
    return (
        calls / 1e6 * LAMBDA_MILLION + seconds * int(writer["MemorySize"]) / 1024 * LAMBDA_GB_SECOND
    )


def _audit(template: Template, load: Load) -> float:
    return _batches(template, load) / 1e3 * S3_PUT_THOUSAND


def _audit_transition(template: Template, load: Load) -> float:
    return _batches(template, load) / 1e3 * S3_TO_IA_THOUSAND


def _verification(template: Template, load: Load) -> float:
    """Once an hour, of the last two hours: the function's time, and reading their objects."""
    (verifier,) = (
        f
        for f in _all(template, "AWS::Lambda::Function")
        if str(f.get("FunctionName", "")).startswith("audit-verifier")
    )
    seconds = 5 * HOURS + 2 * load.transactions / VERIFIED_PER_SECOND
    gets = 2 * _batches(template, load)
    return (
        seconds * int(verifier["MemorySize"]) / 1024 * LAMBDA_GB_SECOND
        + gets / 1e3 * S3_GET_THOUSAND
    )


def _keys(template: Template, _: Load) -> float:
    secrets = len(_all(template, "AWS::SecretsManager::Secret"))
    return len(_all(template, "AWS::KMS::Key")) * KEY_MONTH + secrets * SECRET_MONTH


def _monitoring(template: Template, load: Load) -> float:
    alarms = _all(template, "AWS::CloudWatch::Alarm")
    # An alarm with an expression is charged for each metric that it reads.
    metrics = sum(
        sum("MetricStat" in m for m in alarm["Metrics"]) if "Metrics" in alarm else 1
        for alarm in alarms
    )
    own = {
        transformation["MetricName"]
        for metric_filter in _all(template, "AWS::Logs::MetricFilter")
        for transformation in metric_filter["MetricTransformations"]
    }
    return (
        metrics * ALARM_METRIC_MONTH
        + len(own) * CUSTOM_METRIC_MONTH
        + len(_all(template, "AWS::CloudWatch::CompositeAlarm")) * COMPOSITE_MONTH
        + len(_all(template, "AWS::CloudWatch::Dashboard")) * DASHBOARD_MONTH
        + load.logs_gb * LOGS_GB
    )


def _details(template: Template, _: Load) -> float:
    (cluster,) = _all(template, "AWS::ECS::Cluster")
    (service,) = _all(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    tasks = service["MinCapacity"]
    insights = (
        (INSIGHTS_METRICS + tasks * INSIGHTS_METRICS_OF_TASK) * INSIGHTS_METRIC_MONTH
        + tasks * INSIGHTS_LOGS_GB_OF_TASK * LOGS_GB
        if cluster["ClusterSettings"][0]["Value"] == "enhanced"
        else 0
    )
    watched = [i for i in _all(template, "AWS::RDS::DBInstance") if i.get("MonitoringInterval")]
    return insights + len(watched) * OS_METRICS_GB_OF_INSTANCE * LOGS_GB


SERVICES: Final[dict[str, Callable[[Template, Load], float]]] = {
    "NAT gateways, public addresses": _network,
    "load balancer": _load_balancer,
    "rate limits (WAF)": _firewall,
    "tasks (Fargate)": _tasks,
    "database (Aurora)": _database,
    "sessions and clients (DynamoDB)": _sessions,
    "queues (SQS)": _queues,
    "functions (Lambda)": _functions,
    "audit trail: writing objects (S3)": _audit,
    "audit trail: moving them to Infrequent Access": _audit_transition,
    "audit trail: verification": _verification,
    "key and secrets": _keys,
    "alarms, dashboard, logs": _monitoring,
    "metrics of each task and database instance": _details,
}


def page(templates: Mapping[str, Template]) -> str:
    """Return docs/cost.md for the templates of each kind of environment."""
    columns = [(kind, load) for kind in templates for load in (IDLE, BUSY)]
    lines = [
        "# What an environment costs",
        "",
        "Pipelines, builds, the hub and ten branches: [below](#what-delivery-costs).",
        "",
        "US dollars a month, written by `make docs` from the synthesized templates. List prices of",
        f"us-east-1, {PRICES_AS_OF}.",
        "",
        "| | " + " | ".join(f"{kind}, {load.name}" for kind, load in columns) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    totals = [0.0] * len(columns)
    for service, reckon in SERVICES.items():
        costs = [reckon(templates[kind], load) for kind, load in columns]
        totals = [total + cost for total, cost in zip(totals, costs, strict=True)]
        lines.append(f"| {service} | " + " | ".join(f"{c:,.0f}" for c in costs) + " |")
    lines.append("| **together** | " + " | ".join(f"**{t:,.0f}**" for t in totals) + " |")
    return "\n".join([*lines, "", _EXPLANATION])


BATCHES_OF_TWO: Final = 2 * SECONDS / LINGER_SECONDS
OBJECTS_BEFORE: Final = BUSY.transactions / 1.1  # hardly more than one transaction in a call
RECORD_BYTES_BEFORE, RECORD_BYTES = 39, 80  # in a compressed object; measured
STORED_GB: Final = BUSY.transactions * RECORD_BYTES / 1e9
STORED_GB_BEFORE: Final = BUSY.transactions * RECORD_BYTES_BEFORE / 1e9
PRICE_OF_OBJECT: Final = (S3_PUT_THOUSAND + S3_TO_IA_THOUSAND) / 1e3
_EXPLANATION: Final = f"""\
## The largest costs, and why they remain

* **Idle:** the two database instances at 0.5 capacity units each, and the NAT gateways. The
  reader is the failover target; an ephemeral environment has one NAT gateway for that reason.
* **100 transactions/s:** the database, and of it Aurora's I/O. From about a quarter of the
  database's bill on, Aurora I/O-Optimized is cheaper: it is one property of the cluster.
* **The objects of the audit trail:** writing one and, after 30 days, moving it to Infrequent Access
  are charged for each object, however small. Each task collects for {LINGER_SECONDS:g} s what was
  posted and writes it as one object: {BATCHES_OF_TWO / 1e6:.1f} million objects a month with two
  tasks. When each call of a client was an object, it was {OBJECTS_BEFORE / 1e6:.0f} million, and
  {OBJECTS_BEFORE * PRICE_OF_OBJECT:,.0f} a month. More load makes larger objects, not more of them,
  until a message is full (1 MiB, about 2,400 transactions). Infrequent Access also charges every
  object as 128 KB: not in the table, as it grows with the months kept.
* **The hashes of the records** make no object more. A record has 74 bytes more in its message, and
  {RECORD_BYTES:g} bytes instead of {RECORD_BYTES_BEFORE:g} in its compressed object (50 transfers
  without metadata): at 100 transactions/s {STORED_GB:.0f} GB a month instead of
  {STORED_GB_BEFORE:.0f}, which cost {STORED_GB * S3_GB_MONTH:.2f} instead of
  {STORED_GB_BEFORE * S3_GB_MONTH:.2f} until they move to Infrequent Access. An object is read
  by the audit writer only if its batch is delivered twice.

## Assumptions (not measured)

* {BUSY.io_per_transaction:g} I/O operations a transaction, and {BUSY.acu:g} capacity unit for 100
  requests a second of one transaction each; 10 GB of data.
* The audit writer takes 150 ms for an object. The verifier starts in 5 s and compares
  {VERIFIED_PER_SECOND:,} transactions a second.
* {BUSY.egress_gb:g} GB through NAT and {BUSY.logs_gb:g} GB of logs a month under load.
* One request for each transaction passes the rate limits: {WEB_REQUEST_MILLION:g} a million.
  Refused requests are charged, too: a flood of 10,000 a second costs about
  {WEB_REQUEST_MILLION * 36:.0f} an hour.
* Container Insights: {INSIGHTS_METRICS} metrics, and {INSIGHTS_METRICS_OF_TASK} for each task.
* All transactions come over HTTP. Of those that come from the queue, the [outcomes](outcomes.md)
  cost {EVENT_MILLION:g} a million events of up to 64 KB: at one batch a second, {SECONDS / 1e6:.1f}
  million events a month. One event for each of 100 transactions a second would be
  {BUSY.transactions / 1e6 * EVENT_MILLION:.0f} a month.
* Left out: storage of the audit trail and of backups, KMS requests, data to clients.
"""


def _all(template: Template, kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]
