"""The certificate of an environment without a domain: created by a function, imported to ACM."""

from typing import Final, cast

from aws_cdk import CustomResource, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import custom_resources as cr
from constructs import Construct

from infra.lambda_code import LambdaSource
from infra.log_groups import function_logs, log_group
from infra.naming import EnvironmentSuffix
from infra.python_function import PythonFunction
from lambda_src.environment_certificate.settings import (
    CERTIFICATE,
    EnvironmentCertificateSettings,
)

VALIDITY_DAYS: Final = 365
PROVIDER_MEMORY_MIB: Final = 128  # it only waits for the other function
_PROVIDER: Final = "environment-certificate-provider"


class EnvironmentCertificate(Construct):
    """A self-signed certificate for `dns_name`. Clients verify the API with the certificate itself.

    `arn` is for the listener. `outputs` holds the certificate for clients, as PEM and, in one line,
    as Base64 of its DER form.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        dns_name: str,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)

        creator = PythonFunction(
            self,
            "Maker",  # the id is part of logical ids
            suffix=suffix,
            name="environment-certificate",
            description=f"Creates the certificate of {suffix}",
            source=LambdaSource(module="lambda_src.environment_certificate.entrypoint"),
            environment=EnvironmentCertificateSettings(environment_suffix=str(suffix)).to_env(),
            # A deleted load balancer may use it for minutes, and a failed deletion is not repeated.
            timeout_seconds=300,
            key=key,
        )
        # The ARN is known only after the import, so permissions are limited by the tag.
        name = suffix.physical_name(CERTIFICATE)
        for actions, tag in (
            (["acm:AddTagsToCertificate", "acm:ImportCertificate"], "aws:RequestTag/Name"),
            (["acm:DeleteCertificate"], "aws:ResourceTag/Name"),
        ):
            creator.role.add_to_policy(
                iam.PolicyStatement(
                    actions=actions,
                    resources=[
                        Stack.of(self).format_arn(
                            service="acm", resource="certificate", resource_name="*"
                        )
                    ],
                    conditions={"StringEquals": {tag: name}},
                )
            )
        provider_name = suffix.physical_name(_PROVIDER)
        provider_logs = log_group(self, "ProviderLogs", name=function_logs(provider_name), key=key)
        # Its default role may write to every log group of the account.
        provider_role = iam.Role(
            self,
            "ProviderRole",
            role_name=suffix.physical_name(f"{_PROVIDER}-role"),
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        provider_logs.grant_write(provider_role)
        key.grant_decrypt(provider_role)  # its own environment variables
        provider = cr.Provider(
            self,
            "Provider",
            provider_function_name=provider_name,
            on_event_handler=creator.function,
            framework_on_event_role=provider_role,
            provider_function_env_encryption=key,
            log_group=provider_logs,
        )
        framework = cast(lambda_.Function, provider.node.find_child("framework-onEvent"))
        cast(lambda_.CfnFunction, framework.node.default_child).memory_size = PROVIDER_MEMORY_MIB
        certificate = CustomResource(
            self,
            "Certificate",
            resource_type="Custom::EnvironmentCertificate",
            service_token=provider.service_token,
            properties={"Names": [dns_name], "ValidityDays": str(VALIDITY_DAYS)},
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.arn = certificate.get_att_string("CertificateArn")
        self.outputs = {
            "ApiCertificate": certificate.get_att_string("CertificatePem"),
            "ApiCertificateDer": certificate.get_att_string("CertificateDerBase64"),
        }
