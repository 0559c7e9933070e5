"""What may be set, and how it is read: the settings model, its loading and its reference. Imports nothing of ours."""

from config.loading import SettingsError, load
from config.reference import Described, describe
from config.settings import Settings
from config.values import Bucket, Listen, Network, UnixSocket

__all__ = [
    "Bucket",
    "Described",
    "Listen",
    "Network",
    "Settings",
    "SettingsError",
    "UnixSocket",
    "describe",
    "load",
]
