"""B11: preflight counts quotas as the hub does: for the trunk and one branch."""

from typing import Any

import pytest

from branch_hub.functions.shared.account_quotas import QUOTAS
from operations.preflight.engine import engine
from operations.preflight.findings import Situation, carry_out
from operations.preflight.quotas import certificates, quotas, unreserved_executions
from pipeline.delivery_settings import DeliverySettings
from tests.aws_stubs import unreachable
from tests.branch_hub.functions.quotas import EmptyAccount, FakeQuotas
from tests.infra.context import CDK_JSON
from tests.operations.preflight.conftest import ACCOUNT, Ask


def lines_of(fake: FakeQuotas) -> list[str]:
    settings = DeliverySettings.from_context({**CDK_JSON}.get, defaults=CDK_JSON)
    situation = Situation(settings=settings, account=ACCOUNT, client=fake.client)
    return [str(finding) for finding in carry_out("quotas", quotas, situation)]


def test_b11_a_new_accounts_fargate_is_too_small_and_its_network_fits() -> None:
    fake = FakeQuotas(EmptyAccount())
    fake.values = {code: float(quota.default) for code, quota in QUOTAS.items()}

    found = lines_of(fake)

    (todo,) = (line for line in found if line.startswith("to do"))
    assert todo.startswith(
        "to do: quota Fargate On-Demand vCPU resource count (fargate L-3032A538)"
    )
    assert "--quota-code L-3032A538 --desired-value 29 --region us-east-1" in todo
    assert (
        "fine: quota EC2-VPC Elastic IPs (ec2 L-0263D0A3): 5; environments of branches that fit "
        "beside the trunk: 1"
    ) in found


def test_b11_quotas_that_cannot_be_read_are_to_do() -> None:
    fake = FakeQuotas(EmptyAccount())
    fake.is_reachable = False

    found = lines_of(fake)

    assert len(found) == len(QUOTAS)
    assert all(line.startswith("to do: quota ") for line in found)
    assert "It was not checked" in found[0]


def lambda_limit(unreserved: int) -> dict[str, Any]:
    return {
        "cloudformation.describe_stacks": {"Stacks": []},
        "lambda.get_account_settings": {
            "AccountLimit": {"UnreservedConcurrentExecutions": unreserved}
        },
    }


def test_b11_the_hub_can_reserve_its_executions(ask: Ask) -> None:
    assert ask(unreserved_executions, lambda_limit(105))[0].startswith("fine: Lambda: 100 ")
    assert ask(unreserved_executions, lambda_limit(104))[0].startswith(
        "to do: Lambda: 104 executions are unreserved. The hub reserves 5, and AWS requires"
    )


def test_b11_a_deployed_hub_has_reserved_them(ask: Ask) -> None:
    suffix = DeliverySettings.from_context(CDK_JSON.get, defaults=CDK_JSON).hub_suffix
    stack = {
        "StackName": "BranchHub",
        "CreationTime": 0,
        "StackStatus": "CREATE_COMPLETE",
        "Tags": [{"Key": "branch-hub", "Value": str(suffix)}],
    }

    (line,) = ask(unreserved_executions, {"cloudformation.describe_stacks": {"Stacks": [stack]}})

    assert line.startswith("fine: Lambda: the hub is deployed")


@pytest.fixture
def acm() -> dict[str, Any]:
    listed = [{"Type": "IMPORTED"}, {"Type": "IMPORTED"}, {"Type": "AMAZON_ISSUED"}]
    return {"acm.list_certificates": {"CertificateSummaryList": listed}}


def test_b11_the_certificates_of_a_year_must_fit(ask: Ask, aws: Any, acm: dict[str, Any]) -> None:
    stub = aws("service-quotas")[1]
    for value in (5.0, 20.0):
        stub.add_response("get_service_quota", {"Quota": {"Value": value}})

    at_once, in_a_year = ask(certificates, acm)

    # Two are there; staging, production and one branch need one each.
    assert at_once == "fine: quota Imported certificates (acm L-D2CB7DE9): 5 are enough for 5"
    assert in_a_year.startswith(
        "to do: quota Imported certificates in last 365 days (acm L-3808DC70): the quota is 20, "
        "and 81 are needed: aws service-quotas request-service-quota-increase --service-code acm"
    )


def test_b11_each_quota_of_certificates_is_checked_by_itself(
    ask: Ask, aws: Any, acm: dict[str, Any]
) -> None:
    stub = aws("service-quotas")[1]
    stub.add_client_error("get_service_quota", "AccessDeniedException")
    stub.add_response("get_service_quota", {"Quota": {"Value": 5000.0}})

    denied, read = ask(certificates, acm)

    assert denied.startswith("to do: quota Imported certificates (acm L-D2CB7DE9): not checked:")
    assert read.startswith("fine: ")


def versions(*names: str) -> dict[str, Any]:
    options = [{"EngineVersion": name} for name in names]
    return {"rds.describe_orderable_db_instance_options": {"OrderableDBInstanceOptions": options}}


@pytest.mark.parametrize(
    ("answers", "start"),
    [
        (versions("15.8"), "fine: database: Aurora PostgreSQL 15.8 as requested; AWS can create"),
        (versions("15.12"), "fine: database: Aurora PostgreSQL 15.12: 15.8 was requested"),
        (versions("15.2"), "to do: database: auroraEngineVersion is '15.8': AWS creates neither"),
        (
            {"rds.describe_orderable_db_instance_options": "AccessDenied"},
            "to do: database: Aurora PostgreSQL 15.8 as requested; AWS could not be asked",
        ),
    ],
)
def test_b11_the_database_version_can_be_created(
    ask: Ask, answers: dict[str, Any], start: str
) -> None:
    (line,) = ask(engine, answers)

    assert line.startswith(start)


def test_b11_a_service_that_does_not_answer_is_a_line() -> None:
    settings = DeliverySettings.from_context(CDK_JSON.get, defaults=CDK_JSON)
    situation = Situation(settings=settings, account=ACCOUNT, client=lambda _: unreachable)

    (finding,) = carry_out("Lambda", lambda s: s.client("sts").get_caller_identity(), situation)

    assert str(finding).startswith("to do: Lambda: not checked: Could not connect")
