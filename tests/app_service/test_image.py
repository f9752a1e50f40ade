"""The image: its Dockerfile and the trust store."""

import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from app_service.settings import IMAGE_CA_FILE
from toolchain import rds_roots

ROOM = Path(__file__).parents[2] / "app_service"
DOCKERFILE = (ROOM / "Dockerfile").read_text()


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    assert hadolint is not None
    done = subprocess.run(
        [hadolint, str(ROOM / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_it_runs_as_a_number_that_is_not_root_and_starts_the_package() -> None:
    final_stage = DOCKERFILE.rpartition("FROM ")[2]
    [user] = re.findall(r"^USER (\d+):\d+$", final_stage, re.MULTILINE)
    assert int(user) > 0
    assert 'CMD ["python", "-m", "app_service"]' in final_stage
    assert "WORKDIR /srv\n" in final_stage
    assert "COPY . /srv/app_service\n" in final_stage


def test_every_package_is_pinned_by_hash() -> None:
    assert "--require-hashes" in DOCKERFILE
    requirements = (ROOM / "requirements.txt").read_text()
    names = re.findall(r"^([a-z0-9-]+)==", requirements, re.MULTILINE)
    asked = re.findall(r"^([a-z0-9-]+)", (ROOM / "requirements.in").read_text(), re.MULTILINE)
    assert set(asked) <= set(names)


def test_only_instructions_that_the_local_cloud_interprets_are_used() -> None:
    joined = DOCKERFILE.replace("\\\n", " ")
    used = set(re.findall(r"^([A-Z]+) ", joined, re.MULTILINE))
    assert used <= {
        "FROM",
        "ARG",
        "WORKDIR",
        "COPY",
        "ENV",
        "RUN",
        "USER",
        "VOLUME",
        "CMD",
        "EXPOSE",
    }


def test_the_trust_store_is_where_the_image_looks_for_it() -> None:
    assert (ROOM / Path(IMAGE_CA_FILE).relative_to("/srv/app_service")) == rds_roots.TARGET


def test_the_trust_store_is_what_the_script_makes_of_the_package() -> None:
    assert rds_roots.TARGET.read_text() == rds_roots.bundle(rds_roots.SOURCE.read_text())


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-southeast-2", "sa-east-1"])
def test_the_trust_store_holds_the_roots_of_a_region(region: str) -> None:
    names = [
        certificate.subject.rfc4514_string()
        for certificate in x509.load_pem_x509_certificates(rds_roots.TARGET.read_bytes())
    ]
    for key in ("RSA2048", "RSA4096", "ECC384"):
        assert any(f"RDS {region} Root CA {key} G1" in name for name in names)
    assert not [name for name in names if "Beta" in name or "Preview" in name]


def test_s63_a_strict_client_accepts_every_root() -> None:
    """RFC 5280 requires this of a root, and Python verifies it by default from 3.13 on."""
    for root in x509.load_pem_x509_certificates(rds_roots.TARGET.read_bytes()):
        basic = root.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = root.extensions.get_extension_for_class(x509.KeyUsage)
        assert basic.critical
        assert basic.value.ca
        assert usage.value.key_cert_sign
        assert root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def test_the_trust_store_can_be_loaded() -> None:
    context = ssl.create_default_context(cafile=str(rds_roots.TARGET))
    assert len(context.get_ca_certs()) > 60
