"""AWS::Lambda::Url: an address of the function that works on this machine."""

from urllib.parse import urlsplit

from local_cloud.emulator.ministack_adapter import Attributes, Follower, Properties


def function_url_followers(endpoint_url: str) -> dict[str, Follower]:
    """On AWS the id is a part of the host name; here it is a part of the path."""

    def correct(attributes: Attributes) -> None:
        host = urlsplit(str(attributes["FunctionUrl"])).hostname or ""
        url_id = host.partition(".")[0]
        attributes["FunctionUrl"] = f"{endpoint_url}/_aws/lambda-url/{url_id}/"

    def created(_: str, __: Properties, attributes: Attributes) -> None:
        correct(attributes)

    def updated(_: str, __: Properties, ___: Properties, attributes: Attributes) -> None:
        correct(attributes)

    return {"AWS::Lambda::Url": Follower(created=created, updated=updated)}
