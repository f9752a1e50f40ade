"""ACM and Secrets Manager in memory, with the rules on which the certificate relies."""

from typing import Any

from botocore.exceptions import ClientError

from lambda_src.environment_certificate.authority import AuthoritySecret

NAME = "transaction-certificate-dev"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:111111111111:secret:authority"


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Operation")


class Acm:
    """Certificates by ARN, as the calls gave them."""

    def __init__(self) -> None:
        self.certificates: dict[str, dict[str, Any]] = {}
        self.imports = 0
        self.in_use_for = 0  # deletions that are refused first

    def import_certificate(
        self,
        *,
        CertificateArn: str | None = None,  # noqa: N803
        Tags: list[Any] | None = None,  # noqa: N803
        **parts: bytes,
    ) -> dict[str, str]:
        self.imports += 1
        if CertificateArn is None:
            arn = f"arn:aws:acm:us-east-1:111111111111:certificate/{self.imports:08}"
        else:
            arn = CertificateArn
            if Tags is not None:  # as ACM documents
                raise refusal("InvalidParameterException")
            Tags = self._found(arn)["Tags"]  # noqa: N806
        self.certificates[arn] = {"Tags": Tags, **parts}
        return {"CertificateArn": arn}

    def get_certificate(self, *, CertificateArn: str) -> dict[str, str]:  # noqa: N803
        parts = self._found(CertificateArn)
        return {"Certificate": parts["Certificate"].decode()}

    def delete_certificate(self, *, CertificateArn: str) -> None:  # noqa: N803
        self._found(CertificateArn)
        if self.in_use_for:
            self.in_use_for -= 1
            raise refusal("ResourceInUseException")
        del self.certificates[CertificateArn]

    def _found(self, arn: str) -> dict[str, Any]:
        if arn not in self.certificates:
            raise refusal("ResourceNotFoundException")
        return self.certificates[arn]


class Secrets:
    """One secret that CloudFormation created without a value."""

    def __init__(self) -> None:
        self.value: str | None = None
        self.tokens: dict[str, str] = {}

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803
        assert SecretId == SECRET_ARN
        if self.value is None:
            raise refusal("ResourceNotFoundException")
        return {"SecretString": self.value}

    def put_secret_value(
        self,
        *,
        SecretId: str,  # noqa: N803
        ClientRequestToken: str,  # noqa: N803
        SecretString: str,  # noqa: N803
    ) -> None:
        assert SecretId == SECRET_ARN
        if self.tokens.setdefault(ClientRequestToken, SecretString) != SecretString:
            raise refusal("ResourceExistsException")
        self.value = SecretString


def authority_secret(secrets: Any) -> AuthoritySecret:
    return AuthoritySecret(secrets=secrets, arn=SECRET_ARN, common_name=NAME)
