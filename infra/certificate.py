"""The certificate of an environment without a domain: its own authority, renewed every day."""

from typing import Any, Final, cast

from aws_cdk import CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import custom_resources as cr
from constructs import Construct

from infra.component_names import function_logs
from infra.encryption import allow_use_through
from infra.lambda_code import LambdaSource
from infra.log_groups import log_group
from infra.naming import EnvironmentSuffix
from infra.python_function import PythonFunction
from lambda_src.environment_certificate.lifecycle import RENEW_IF_DUE
from lambda_src.environment_certificate.settings import (
    CERTIFICATE,
    EnvironmentCertificateSettings,
)

VALIDITY_DAYS: Final = 90  # renewed when less than a third of it is left
# Another value replaces the authority: clients then need the new output.
AUTHORITY: Final = "1"
AUTHORITY_SECRET: Final = "transaction-certificate-authority"
RENEWAL: Final = "environment-certificate-renewal"
PROVIDER_MEMORY_MIB: Final = 128  # it only waits for the other function
_PROVIDER: Final = "environment-certificate-provider"


class EnvironmentCertificate(Construct):
    """A certificate for `dns_name`, signed by the environment's own authority and renewed in time.

    `arn` is for the listener and does not change when the certificate is renewed. `outputs` holds
    the authority's certificate, with which clients verify the API, as PEM and, in one line, as
    Base64 of its DER form. `creator` is the function that also renews the certificate.
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
        self._suffix = suffix
        self._key = key

        authority = self._authority_secret()
        self.creator = PythonFunction(
            self,
            "Maker",  # the id is part of logical ids
            suffix=suffix,
            name="environment-certificate",
            description=f"Creates and renews the certificate of {suffix}",
            source=LambdaSource(module="lambda_src.environment_certificate.entrypoint"),
            environment=EnvironmentCertificateSettings(
                environment_suffix=str(suffix), authority_secret_arn=authority.secret_arn
            ).to_env(),
            # A deleted load balancer may use it for minutes, and a failed deletion is not repeated.
            timeout_seconds=300,
            key=key,
        )
        self._allow_certificates()
        self._allow_authority(authority)
        request: dict[str, Any] = {
            "Names": [dns_name],
            "ValidityDays": str(VALIDITY_DAYS),
            "Authority": AUTHORITY,
        }
        certificate = CustomResource(
            self,
            "Certificate",
            resource_type="Custom::EnvironmentCertificate",
            service_token=self._provider().service_token,
            properties=request,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.arn = certificate.get_att_string("CertificateArn")
        self.outputs = {
            "ApiCertificate": certificate.get_att_string("CertificatePem"),
            "ApiCertificateDer": certificate.get_att_string("CertificateDerBase64"),
        }
        events.Rule(
            self,
            "Renewal",
            rule_name=suffix.physical_name(RENEWAL),
            description=f"Renews the certificate of {suffix} before it ends",
            schedule=events.Schedule.rate(Duration.days(1)),
            targets=[
                targets.LambdaFunction(
                    self.creator.function,
                    event=events.RuleTargetInput.from_object(
                        {
                            "RequestType": RENEW_IF_DUE,
                            "CertificateArn": self.arn,
                            "ResourceProperties": request,
                        }
                    ),
                )
            ],
        )

    def _authority_secret(self) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "Authority",
            secret_name=self._suffix.physical_name(AUTHORITY_SECRET),
            description=f"Signs the certificates of {self._suffix}; only its function may read it",
            encryption_key=self._key,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # The function writes the value. CloudFormation could replace one that it generated.
        definition = cast(secretsmanager.CfnSecret, secret.node.default_child)
        definition.add_property_deletion_override("GenerateSecretString")
        return secret

    def _allow_certificates(self) -> None:
        # The ARN is known only after the import, so permissions are limited by the tag. An import
        # with tags creates a certificate, one without replaces a certificate that has the tag.
        for actions, tag in (
            (["acm:AddTagsToCertificate", "acm:ImportCertificate"], "aws:RequestTag/Name"),
            (
                ["acm:DeleteCertificate", "acm:GetCertificate", "acm:ImportCertificate"],
                "aws:ResourceTag/Name",
            ),
        ):
            self.creator.role.add_to_policy(
                iam.PolicyStatement(
                    actions=actions,
                    resources=[
                        Stack.of(self).format_arn(
                            service="acm", resource="certificate", resource_name="*"
                        )
                    ],
                    conditions={"StringEquals": {tag: self._suffix.physical_name(CERTIFICATE)}},
                )
            )

    def _allow_authority(self, secret: secretsmanager.ISecret) -> None:
        self.creator.role.add_to_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
                resources=[secret.secret_arn],
            )
        )
        allow_use_through(
            "secretsmanager",
            self.creator.role,
            self._key,
            actions=("kms:Decrypt", "kms:GenerateDataKey"),
        )

    def _provider(self) -> cr.Provider:
        provider_name = self._suffix.physical_name(_PROVIDER)
        provider_logs = log_group(
            self, "ProviderLogs", name=function_logs(provider_name), key=self._key
        )
        # Its default role may write to every log group of the account.
        provider_role = iam.Role(
            self,
            "ProviderRole",
            role_name=self._suffix.physical_name(f"{_PROVIDER}-role"),
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        provider_logs.grant_write(provider_role)
        self._key.grant_decrypt(provider_role)  # its own environment variables
        provider = cr.Provider(
            self,
            "Provider",
            provider_function_name=provider_name,
            on_event_handler=self.creator.function,
            framework_on_event_role=provider_role,
            provider_function_env_encryption=self._key,
            log_group=provider_logs,
        )
        framework = cast(lambda_.Function, provider.node.find_child("framework-onEvent"))
        cast(lambda_.CfnFunction, framework.node.default_child).memory_size = PROVIDER_MEMORY_MIB
        return provider
