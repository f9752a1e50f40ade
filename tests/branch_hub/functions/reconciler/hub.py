"""A hub with a real table, a real bus and a real topic."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from branch_hub.events import BranchEvent
from branch_hub.functions.reconciler import entrypoint
from branch_hub.functions.reconciler.settings import BranchReconcilerSettings
from branch_hub.functions.shared.lifecycle_settings import NO_SCHEDULE
from branch_hub.functions.shared.quota import Quota
from branch_hub.functions.shared.registry import Registry
from branch_hub.moments import as_text
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.account import Account
from tests.branch_hub.git_server import REPOSITORY, GitServer


class Hub:
    """One hub with its settings; two queues receive the messages of its bus and its topic."""

    def __init__(self, account: Account, git: GitServer) -> None:
        self.account, self.git = account, git
        self.name = account.name("hub")
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.table = account.create_table()
        self.registry = Registry(table=account.table(self.table))
        self.quota = Quota(table=account.table(self.table), limit=5)
        self.events, self.notices = self._queue("events"), self._queue("notices")
        self._connect()
        secret = account.client("secretsmanager").create_secret(
            Name=self.name, SecretString=json.dumps({"token": "t0ken"})
        )
        self.settings = BranchReconcilerSettings(
            git_host=json.dumps({"kind": "github", "api_url": git.url}),
            repository=REPOSITORY,
            hub_secret_arn=secret["ARN"],
            branch_table_name=self.table,
            event_bus_name=self.name,
            notices_topic_arn=self._topic_arn,
            trunk="main",
            protected_branches='["release/*"]',
            environment_quota=5,
            branch_needs="{}",
            trunk_needs="{}",
            lifetime_days=14,
            sleeps_until=NO_SCHEDULE,
        )

    def _queue(self, base: str) -> str:
        answer = self.account.client("sqs").create_queue(QueueName=f"{base}-{self.name}")
        return str(answer["QueueUrl"])

    def _connect(self) -> None:
        events, sns = self.account.client("events"), self.account.client("sns")
        events.create_event_bus(Name=self.name)
        pattern = json.dumps({"source": ["transaction-pipeline.branches"]})
        events.put_rule(Name=self.name, EventBusName=self.name, EventPattern=pattern)
        arn = "arn:aws:sqs:us-east-1:000000000000:{}-" + self.name
        target = {"Id": "queue", "Arn": arn.format("events"), "InputPath": "$.detail"}
        events.put_targets(Rule=self.name, EventBusName=self.name, Targets=[target])
        self._topic_arn = str(sns.create_topic(Name=self.name)["TopicArn"])
        sns.subscribe(TopicArn=self._topic_arn, Protocol="sqs", Endpoint=arn.format("notices"))

    def branch(self, base: str = "feature/r", *, is_live: bool = True) -> str:
        name = self.account.name(base)
        if is_live:
            self.git.branches[name] = as_text(self.now)
        return name

    def push(self, branch: str, *, expires_in: timedelta) -> None:
        self.registry.extend(
            suffix_of_branch(branch),
            branch=branch,
            commit=None,
            now=self.now,
            expires_at=self.now + expires_in,
        )

    def run(self, *, apply: bool) -> dict[str, Any]:
        """The plan's steps by suffix."""
        answer = entrypoint.handler({"apply": apply}, None)
        assert answer["applied"] is apply
        return {step["suffix"]: step for step in answer["plan"]}

    def events_sent(self) -> list[BranchEvent]:
        return [BranchEvent.parse(json.loads(body)) for body in self._received(self.events)]

    def notices_sent(self) -> list[str]:
        return [json.loads(body)["Message"] for body in self._received(self.notices)]

    def _received(self, url: str) -> list[str]:
        sqs = self.account.client("sqs")
        bodies = []
        while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in batch:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies
