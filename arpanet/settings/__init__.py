"""Declared settings: what a value may be, where it comes from, and what changed."""

from arpanet.settings.core import (
    ARPANET_IDENTITY,
    ARPANET_IMAGE,
    ARPANET_IP,
    ARPANET_LOG,
    ARPANET_MASTERS,
    ARPANET_PLUGINS_BLOCKED,
    ARPANET_REGISTRY,
    ARPANET_RESYNC,
    ARPANET_TLS,
    ARPANET_TRACE,
    ARPANET_TTL,
    CORE,
    DOCKER_PORT,
    DOCKER_URL,
    HOSTNAME,
)
from arpanet.settings.declared import Setting, Settings, Source
from arpanet.settings.sources import declared, load, mistyped, rc_path

__all__ = [
    "ARPANET_IDENTITY",
    "ARPANET_IMAGE",
    "ARPANET_IP",
    "ARPANET_LOG",
    "ARPANET_MASTERS",
    "ARPANET_PLUGINS_BLOCKED",
    "ARPANET_REGISTRY",
    "ARPANET_RESYNC",
    "ARPANET_TLS",
    "ARPANET_TRACE",
    "ARPANET_TTL",
    "CORE",
    "DOCKER_PORT",
    "DOCKER_URL",
    "HOSTNAME",
    "Setting",
    "Settings",
    "Source",
    "declared",
    "load",
    "mistyped",
    "rc_path",
]
