"""The outputs of an environment's stack."""

from dataclasses import dataclass

import boto3
from botocore.exceptions import ClientError


class NoOutput(Exception):
    """There is no such environment, or its stack has no such output."""


@dataclass(frozen=True, kw_only=True)
class StackOutputs:
    """Those of the environment with this suffix, in the account of this session."""

    account: boto3.Session
    suffix: str
    outputs: dict[str, str]

    @classmethod
    def of_environment(cls, account: boto3.Session, suffix: str) -> "StackOutputs":
        """Raises NoOutput if there is no such environment."""
        stack = f"transaction-{suffix}"
        try:
            found = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise NoOutput(
                f"SUFFIX={suffix!r}: there is no stack {stack}; check the suffix (`make status`, "
                "or EnvironmentSuffix in the stack's outputs) and whose credentials these are; "
                "AWS=yes asks AWS instead of the local cloud"
            ) from None
        outputs = {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}
        return cls(account=account, suffix=suffix, outputs=outputs)

    def value(self, name: str) -> str:
        """Raises NoOutput if the stack does not have it."""
        if name not in self.outputs:
            raise NoOutput(
                f"SUFFIX={self.suffix!r}: its stack has no output {name}: deploy a version of this "
                "project that has it, then run this again"
            )
        return self.outputs[name]
