"""The one error that a person who sets something up wrongly can meet."""


class ConfigurationError(Exception):
    """A value given to the app breaks a rule. The message names the key, the value and the rule."""
