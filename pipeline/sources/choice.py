"""Creates the source that `source` in cdk.json names. A new source is one entry here."""

from typing import Final

from infra.errors import ConfigurationError
from pipeline.context_values import json_object
from pipeline.sources.codecommit import CodeCommitSource
from pipeline.sources.github import GitHubSource
from pipeline.sources.source import Source

_KINDS: Final[dict[str, type[Source]]] = {
    source.kind: source for source in (GitHubSource, CodeCommitSource)
}


def parse_source(value: object) -> Source:
    """Read the `source` key: an object from cdk.json, or its JSON text from the command line.

    Raises ConfigurationError, which names the key to set.
    """
    fields = json_object("source", value)
    kind = fields.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ConfigurationError(f"source.kind is {kind!r}: it must be one of {', '.join(_KINDS)}")
    return _KINDS[kind].parse(fields)
