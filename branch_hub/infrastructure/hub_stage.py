"""The hub as a stage of the trunk's pipeline: deployed with what it makes and unmakes."""

from typing import Final

from aws_cdk import Environment, Stage
from constructs import Construct

from branch_hub.infrastructure.hub_stack import BranchHub
from pipeline.delivery_settings import DeliverySettings

HUB_STAGE: Final = "BranchHub"


class HubStage(Stage):
    """The same stack as the app's own, which a person deploys first."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: DeliverySettings) -> None:
        env = Environment(account=settings.account, region=settings.region)
        super().__init__(scope, construct_id, env=env)
        BranchHub(self, settings=settings)
