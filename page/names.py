"""Names of resources, taken from their ARNs and addresses."""


def last_part(identifier: str) -> str:
    """`arn:aws:ecs:...:service/cluster/name` and `https://sqs.../name` -> `name`."""
    return identifier.rpartition("/")[2]
