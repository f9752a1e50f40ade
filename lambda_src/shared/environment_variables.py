"""Settings of functions, written and read as the service's are."""

from app_service.environment_variables import EnvironmentSettings, SettingsError

__all__ = ["EnvironmentSettings", "SettingsError"]
