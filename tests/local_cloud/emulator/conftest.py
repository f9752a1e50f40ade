"""One running stack for the tests of this folder, in the order of its files; the last ends it."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_cloud.aws import AwsClients
from local_cloud.certificates import LocalAuthority
from local_cloud.paths import STATE_MARK, CloudPaths
from local_cloud.server import start_cloud, stop_cloud
from tests.local_cloud.emulator.deployed import Deployed, wait
from tests.local_cloud.emulator.images import publish_image

PROGRAM = """
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = " ".join([os.environ["WHO"], os.environ["PASSWORD"]]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
if os.environ["WHO"] == "broken":
    sys.exit("broken on purpose")
if os.environ["WHO"] == "slow":
    time.sleep(60)
http.server.HTTPServer((os.environ["BIND_ADDRESS"], 8080), Handler).serve_forever()
"""


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    paths = CloudPaths(tmp_path_factory.mktemp("state"))
    try:
        yield _deploy(paths, tmp_path_factory.mktemp("authority"))
    finally:
        stop_cloud(paths)
    left = [p for p in psutil.process_iter() if _is_marked(p, paths.state)]
    assert left == []


def _deploy(paths: CloudPaths, authority_folder: Path) -> Deployed:
    aws = AwsClients(start_cloud(paths).endpoint_url)
    publish_image(paths, PROGRAM)
    authority = LocalAuthority(authority_folder)
    files = authority.issue(name="balancer", addresses=["127.0.0.1"])
    imported = aws.acm.import_certificate(
        Certificate=files.certificate_file.read_bytes(), PrivateKey=files.key_file.read_bytes()
    )
    found = Deployed(
        paths=paths, aws=aws, authority=authority, certificate_arn=imported["CertificateArn"]
    )
    aws.cloudformation.create_stack(StackName="app", TemplateBody=found.template(who="first"))
    wait(aws, "stack_create_complete")
    return found


def _is_marked(process: psutil.Process, state: Path) -> bool:
    try:
        return process.environ().get(STATE_MARK) == str(state)
    except psutil.Error:
        return False
