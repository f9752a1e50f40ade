"""Rate limits in front of the API, for each client address. The limits are not exact."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.log_groups import log_group
from infra.naming import EnvironmentSuffix

WINDOW_SECONDS: Final = 300
REFUSAL: Final = {
    "type": "about:blank",
    "title": HTTPStatus.TOO_MANY_REQUESTS.phrase,
    "status": HTTPStatus.TOO_MANY_REQUESTS.value,
    "code": HTTPStatus.TOO_MANY_REQUESTS.name.lower(),
    "detail": "this address sends too many requests: send the request again after Retry-After "
    "seconds, which is safe",
}
_NAME: Final = "transaction-api"
_BODY: Final = "refusal"
WITHOUT_SESSION: Final = "without-session"
ALL_REQUESTS: Final = "all-requests"
_AUTHORIZATION: Final = waf.CfnWebACL.FieldToMatchProperty(single_header={"Name": "authorization"})


@dataclass(frozen=True, kw_only=True)
class WebFirewallConfig:
    """The most requests from one address in five minutes.

    Many clients may share an address (NAT), so the limit of all requests is an upper bound of
    what one customer can need: 2,000 a second. A request without a session is a sign-in, or comes
    from an unknown client: one a second opens sessions for 3,600 users an hour.
    """

    requests_max: int = 2_000 * WINDOW_SECONDS
    requests_without_session_max: int = 1 * WINDOW_SECONDS


class WebFirewall(Construct):
    """Answers 429 to an address beyond a limit, and logs only such requests.

    Managed rule groups are not used: the API takes JSON from programs, and a list of addresses
    that AWS keeps could refuse a customer without a change of ours.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: WebFirewallConfig,
        load_balancer: elbv2.ApplicationLoadBalancer,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._name = suffix.physical_name(_NAME)
        without_session = waf.CfnWebACL.StatementProperty(
            not_statement=waf.CfnWebACL.NotStatementProperty(statement=_has_a_token())
        )
        self._acl = waf.CfnWebACL(
            self,
            "Acl",
            name=self._name,
            description=f"Rate limits of the API of {suffix}",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            custom_response_bodies={
                _BODY: waf.CfnWebACL.CustomResponseBodyProperty(
                    content_type="APPLICATION_JSON", content=json.dumps(REFUSAL)
                )
            },
            rules=[
                _rule(
                    WITHOUT_SESSION,
                    priority=0,
                    limit=config.requests_without_session_max,
                    only=without_session,
                ),
                _rule(ALL_REQUESTS, priority=1, limit=config.requests_max),
            ],
            visibility_config=_visible(self._name),
        )
        waf.CfnWebACLAssociation(
            self,
            "Association",
            resource_arn=load_balancer.load_balancer_arn,
            web_acl_arn=self._acl.attr_arn,
        )
        # Limits protect the service; without them it must still answer.
        load_balancer.set_attribute("waf.fail_open.enabled", "true")
        self._log(suffix, key)

    def refused(self, *, rule: str) -> cloudwatch.Metric:
        """The number of requests that `rule` refused: WITHOUT_SESSION or ALL_REQUESTS."""
        return cloudwatch.Metric(
            namespace="AWS/WAFV2",
            metric_name="BlockedRequests",
            dimensions_map={"WebACL": self._name, "Rule": rule, "Region": Stack.of(self).region},
            statistic="sum",
        )

    def _log(self, suffix: EnvironmentSuffix, key: kms.IKey) -> None:
        stack = Stack.of(self)
        # WAF refuses any other beginning.
        name = suffix.physical_name(f"aws-waf-logs-{_NAME}")
        group = log_group(self, "Logs", name=name, key=key)
        group_arn = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        # Otherwise WAF writes a policy of its own, which remains when the stack is deleted.
        policy = logs.ResourcePolicy(
            self,
            "LogPolicy",
            resource_policy_name=name,
            policy_statements=[
                iam.PolicyStatement(
                    sid="FirewallOfThisEnvironment",
                    principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                    resources=[f"{group_arn}:*"],
                    conditions={
                        "StringEquals": {"aws:SourceAccount": stack.account},
                        "ArnLike": {
                            "aws:SourceArn": stack.format_arn(service="logs", resource="*")
                        },
                    },
                )
            ],
        )
        logging = waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self._acl.attr_arn,
            log_destination_configs=[group_arn],
            redacted_fields=[
                waf.CfnLoggingConfiguration.FieldToMatchProperty(
                    single_header={"Name": "authorization"}
                )
            ],
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [
                    {
                        "Behavior": "KEEP",
                        "Requirement": "MEETS_ANY",
                        "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
                    }
                ],
            },
        )
        logging.node.add_dependency(group, policy)


def _has_a_token() -> waf.CfnWebACL.StatementProperty:
    """Whether the request carries the token of a session, valid or not."""
    return waf.CfnWebACL.StatementProperty(
        byte_match_statement=waf.CfnWebACL.ByteMatchStatementProperty(
            field_to_match=_AUTHORIZATION,
            positional_constraint="STARTS_WITH",
            search_string="bearer ",
            # As the service reads it.
            text_transformations=[
                waf.CfnWebACL.TextTransformationProperty(priority=0, type="LOWERCASE")
            ],
        )
    )


def _rule(
    name: str, *, priority: int, limit: int, only: waf.CfnWebACL.StatementProperty | None = None
) -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        statement=waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="IP",
                limit=limit,
                evaluation_window_sec=WINDOW_SECONDS,
                scope_down_statement=only,
            )
        ),
        action=waf.CfnWebACL.RuleActionProperty(
            block=waf.CfnWebACL.BlockActionProperty(
                custom_response=waf.CfnWebACL.CustomResponseProperty(
                    response_code=HTTPStatus.TOO_MANY_REQUESTS.value,
                    custom_response_body_key=_BODY,
                    response_headers=[
                        waf.CfnWebACL.CustomHTTPHeaderProperty(
                            name="Retry-After", value=str(WINDOW_SECONDS)
                        )
                    ],
                )
            )
        ),
        visibility_config=_visible(name),
    )


def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True,
        metric_name=name,
        # A sample would show the header with the token: only the logs are redacted.
        sampled_requests_enabled=False,
    )
