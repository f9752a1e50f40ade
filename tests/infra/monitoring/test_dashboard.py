"""S50: what the dashboard shows, and in which order."""

import pytest

from tests.infra.monitoring.alarm_templates import composites, members
from tests.infra.templates import Synthesized, text

READING_ORDER = [
    "Alarms",
    "Clients: requests",
    "Business: ",
    "Service: tasks",
    "Database: CPU",
    "Queue transaction",
    "Function transaction-processor",
    "Sessions and clients: DynamoDB",
    "Network: bytes out",
]


def test_s50_the_dashboard_reads_from_the_alarms_to_the_network(ephemeral: Synthesized) -> None:
    body = text(ephemeral.one("AWS::CloudWatch::Dashboard")["DashboardBody"])
    positions = [body.index(title) for title in READING_ORDER]

    assert positions == sorted(positions)


@pytest.mark.parametrize(
    "namespace",
    ["ApplicationELB", "ECS", "RDS", "DynamoDB", "SQS", "Lambda", "S3", "NATGateway"],
)
def test_s50_every_service_is_on_the_dashboard(every: Synthesized, namespace: str) -> None:
    body = text(every.one("AWS::CloudWatch::Dashboard")["DashboardBody"])

    assert f"AWS/{namespace}" in body


def test_s50_the_first_row_shows_every_alarm(ephemeral: Synthesized) -> None:
    body = text(ephemeral.one("AWS::CloudWatch::Dashboard")["DashboardBody"])
    windows = {w for c in composites(ephemeral) if c != "page" for w in members(ephemeral, c)}
    shown = body[: body.index("Clients: requests")]
    for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
        for logical_id, r in ephemeral.all(kind).items():
            if r["Properties"]["AlarmName"].removesuffix("-dev") not in windows:
                assert logical_id in shown


def test_s50_each_nat_gateway_is_shown(production: Synthesized) -> None:
    body = text(production.one("AWS::CloudWatch::Dashboard")["DashboardBody"])

    assert all(gateway in body for gateway in production.all("AWS::EC2::NatGateway"))


def test_s50_the_output_links_to_the_dashboard(ephemeral: Synthesized) -> None:
    name = ephemeral.one("AWS::CloudWatch::Dashboard")["DashboardName"]

    assert name == "transaction-dashboard-dev"
    assert text(ephemeral.json["Outputs"]["DashboardUrl"]).endswith(f'/{name}"]]}}}}')
