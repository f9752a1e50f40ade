"""The service behind the load balancer, and the certificate that it serves."""

import concurrent.futures
import http.client
import json
import os
import signal
import ssl
import threading
import time

from tests.local_cloud.emulator.deployed import Deployed


def test_the_service_answers_behind_the_load_balancer_with_its_secret(deployed: Deployed) -> None:
    who, password = deployed.ask().split(" ")
    secret = deployed.aws.secretsmanager.get_secret_value(SecretId=deployed.outputs()["SecretArn"])
    assert who == "first"
    assert password == json.loads(secret["SecretString"])["password"]
    assert password.isalnum(), "ExcludePunctuation is applied"


def test_an_imported_certificate_is_served_under_its_arn_while_clients_are_answered(
    deployed: Deployed,
) -> None:
    """A request that arrives while Caddy changes its configuration is sent again."""
    renewed = deployed.authority.issue(name="renewed", addresses=["127.0.0.1"])
    wanted = ssl.PEM_cert_to_DER_cert(renewed.certificate_file.read_text())
    assert deployed.served_certificate() != wanted
    with concurrent.futures.ThreadPoolExecutor(4) as clients:
        stop = threading.Event()

        def ask_all_the_time() -> int:
            answers = 0
            while not stop.is_set():
                try:
                    answer = deployed.ask()
                except http.client.RemoteDisconnected:
                    answer = deployed.ask()
                assert answer.startswith("first ")
                answers += 1
            return answers

        asking = [clients.submit(ask_all_the_time) for _ in range(4)]
        try:
            deployed.aws.acm.import_certificate(
                CertificateArn=deployed.certificate_arn,
                Certificate=renewed.certificate_file.read_bytes(),
                PrivateKey=renewed.key_file.read_bytes(),
            )
            deadline = time.monotonic() + 300
            while deployed.served_certificate() != wanted:
                assert time.monotonic() < deadline, "the old certificate is still served"
                time.sleep(0.05)
        finally:
            stop.set()
        assert all(future.result() for future in asking)


def test_s65_a_killed_load_balancer_is_started_again_with_its_listeners(
    deployed: Deployed,
) -> None:
    facts = deployed.paths.load_balancer_process
    victim = json.loads(facts.read_text())["pid"]
    os.kill(victim, signal.SIGKILL)

    deadline = time.monotonic() + 300
    while True:
        assert time.monotonic() < deadline, "the load balancer is not back"
        try:
            answer = deployed.ask()
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            break
    assert answer.startswith("first ")
    assert json.loads(facts.read_text())["pid"] != victim
