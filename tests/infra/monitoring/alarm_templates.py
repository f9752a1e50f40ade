"""The alarms of a synthesized environment, by their names without the suffix."""

import re
from typing import Any

from tests.infra.templates import Synthesized, text

BURN = "error-budget-burn"
# Only deployments call these and the functions that CDK adds: a deployment fails with them. The
# certificate's function is also called once a day, and has an alarm of its own.
CALLED_BY_DEPLOYMENTS = {
    "schema-migrator-dev",
    "environment-certificate-dev",
    "environment-certificate-provider-dev",
}


def alarms(stack: Synthesized) -> dict[str, dict[str, Any]]:
    return _named(stack, "AWS::CloudWatch::Alarm")


def composites(stack: Synthesized) -> dict[str, dict[str, Any]]:
    return _named(stack, "AWS::CloudWatch::CompositeAlarm")


def client_functions(stack: Synthesized) -> dict[str, dict[str, Any]]:
    """The properties of all functions that work for clients, by logical id."""
    return {
        logical_id: function["Properties"]
        for logical_id, function in stack.all("AWS::Lambda::Function").items()
        if function["Properties"].get("FunctionName", "") not in {"", *CALLED_BY_DEPLOYMENTS}
    }


def members(stack: Synthesized, composite: str) -> set[str]:
    """The names of the alarms in a composite's rule."""
    rule = text(composites(stack)[composite]["AlarmRule"])
    return {
        stack.resources[logical_id]["Properties"]["AlarmName"].removesuffix("-dev")
        for logical_id in re.findall(r'"Fn::GetAtt": \["(\w+)", "Arn"\]', rule)
    }


def metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Every metric that the alarm reads: namespace, name, dimensions, period and statistic."""
    if "MetricName" in alarm:
        statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        return [{"Dimensions": [], **alarm, "Stat": statistic}]
    return [
        {**stat["Metric"], "Period": stat["Period"], "Stat": stat["Stat"]}
        for stat in (m["MetricStat"] for m in alarm["Metrics"] if "MetricStat" in m)
    ]


def _named(stack: Synthesized, kind: str) -> dict[str, dict[str, Any]]:
    return {p["AlarmName"].removesuffix("-dev"): p for p in stack.properties(kind)}
