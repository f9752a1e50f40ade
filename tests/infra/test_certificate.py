"""The certificate of an environment without a domain renews itself."""

import json
from typing import Any

from lambda_src.environment_certificate.lifecycle import RENEW_IF_DUE
from lambda_src.environment_certificate.request import CertificateRequest
from tests.infra.templates import Synthesized, text


def certificate_function(stack: Synthesized) -> str:
    (found,) = (
        logical_id
        for logical_id, function in stack.all("AWS::Lambda::Function").items()
        if function["Properties"].get("FunctionName") == "environment-certificate-dev"
    )
    return found


def renewal_rule(stack: Synthesized) -> dict[str, Any]:
    (found,) = (
        rule
        for rule in stack.properties("AWS::Events::Rule")
        if rule["Name"] == "environment-certificate-renewal-dev"
    )
    return found


def test_it_is_renewed_without_a_deployment(ephemeral: Synthesized) -> None:
    function = certificate_function(ephemeral)
    certificate_id, certificate = ephemeral.only("Custom::EnvironmentCertificate")
    rule = renewal_rule(ephemeral)
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 day)", "ENABLED")
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": [function, "Arn"]}

    # The event names the certificate of the listener, and asks for what the resource asks for.
    parts = target["Input"]["Fn::Join"][1]
    references = [part for part in parts if not isinstance(part, str)]
    assert {"Fn::GetAtt": [certificate_id, "CertificateArn"]} in references
    event = json.loads("".join(part if isinstance(part, str) else "x.test" for part in parts))
    assert event["RequestType"] == RENEW_IF_DUE
    assert CertificateRequest.parse(event["ResourceProperties"]) == CertificateRequest.parse(
        {**certificate, "Names": ["x.test"]}
    )
    assert certificate["Names"][0] in references

    permissions = [
        p for p in ephemeral.properties("AWS::Lambda::Permission") if function in text(p)
    ]
    assert [p["Principal"] for p in permissions] == ["events.amazonaws.com"]


def test_the_template_never_writes_the_authority(ephemeral: Synthesized) -> None:
    """Or an update of the stack could replace what clients trust."""
    (secret,) = (
        secret
        for secret in ephemeral.properties("AWS::SecretsManager::Secret")
        if secret["Name"] == "transaction-certificate-authority-dev"
    )
    assert not {"GenerateSecretString", "SecretString"} & set(secret)
    assert secret["KmsKeyId"]
