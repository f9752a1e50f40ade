"""Settings of functions as environment variables, in the same format as the service's."""

from app_service.environment_variables import EnvironmentSettings, SettingsError

__all__ = ["EnvironmentSettings", "SettingsError"]
