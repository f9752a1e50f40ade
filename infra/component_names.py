"""Names of an environment's programs, for those who call them or read their logs without the CDK.

Each is followed by the environment's suffix.
"""

from typing import Final

SERVICE: Final = "transaction-service"
TRANSACTION_PROCESSOR: Final = "transaction-processor"
AUDIT_WRITER: Final = "audit-writer"
AUDIT_VERIFIER: Final = "audit-verifier"
# How long the verifier may run: the most that Lambda allows.
VERIFIER_TIMEOUT_SECONDS: Final = 900


def function_logs(function_name: str) -> str:
    """The log group to which Lambda writes by default."""
    return f"/aws/lambda/{function_name}"


def service_logs(service_name: str) -> str:
    return f"/ecs/{service_name}"
