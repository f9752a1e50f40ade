"""One cloud with a stateful stack for the tests of a file; they stop, kill and start it again."""

import json
from collections.abc import Iterator

import pytest

from local_cloud.aws import AwsClients
from local_cloud.certificates import LocalAuthority
from local_cloud.paths import CloudPaths
from local_cloud.server import start_cloud, stop_cloud
from tests.local_cloud.emulator.deployed import wait
from tests.local_cloud.emulator.images import publish_image
from tests.local_cloud.state.contents import Contents
from tests.local_cloud.state.stack import PROGRAM, stateful_template


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contents]:
    paths = CloudPaths(tmp_path_factory.mktemp("state"))
    try:
        aws = AwsClients(start_cloud(paths, port=0).endpoint_url)
        publish_image(paths, PROGRAM)
        authority = LocalAuthority(tmp_path_factory.mktemp("authority"))
        files = authority.issue(name="balancer", addresses=["127.0.0.1"])
        certificate = aws.acm.import_certificate(
            Certificate=files.certificate_file.read_bytes(), PrivateKey=files.key_file.read_bytes()
        )
        template = json.dumps(stateful_template(certificate["CertificateArn"]))
        aws.cloudformation.create_stack(
            StackName="app", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        wait(aws, "stack_create_complete")
        yield Contents(paths=paths, aws=aws, authority=authority)
    finally:
        stop_cloud(paths)
