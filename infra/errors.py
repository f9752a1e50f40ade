"""The error for a wrong configuration."""


class ConfigurationError(Exception):
    """A configured value is invalid. The message names the setting, the value and the rule."""
