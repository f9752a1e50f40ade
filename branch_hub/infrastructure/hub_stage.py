"""The hub as a stage of the trunk's pipeline, which keeps it up to date."""

from typing import Final

from aws_cdk import Environment, Stage
from constructs import Construct

from branch_hub.infrastructure.hub_stack import BranchHub
from pipeline.delivery_settings import DeliverySettings

HUB_STAGE: Final = "BranchHub"


class HubStage(Stage):
    """Holds the same stack as the app, from which a person deploys it first."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: DeliverySettings) -> None:
        env = Environment(account=settings.account, region=settings.region)
        super().__init__(scope, construct_id, env=env)
        BranchHub(self, settings=settings)
