"""What can go wrong, as one line for a person and one exit code for a script.

    ArpanetError                 1  failed
    ├── UsageError               2  the command line asks for something that makes no sense
    ├── SettingsError            3  a setting is missing, malformed or untrue
    ├── EngineError              1  Docker answered, and said no
    │   ├── EngineUnreachable    4  no Docker here, or no permission to talk to it
    │   └── NameTaken            1  a container of that name belongs to somebody else
    ├── RegistryError            1  the registry answered, and said no
    │   └── RegistryUnreachable  5  no master answers, or they have no quorum
    └── PluginError              1  a plugin is broken, or was written for another arpanet

The message says what is wrong and where; ``hint`` says what to do about it.
"""

from enum import IntEnum

__all__ = [
    "ArpanetError",
    "EngineError",
    "EngineUnreachable",
    "ExitCode",
    "NameTaken",
    "PluginError",
    "RegistryError",
    "RegistryUnreachable",
    "SettingsError",
    "UsageError",
]


class ExitCode(IntEnum):
    """What the ``arpanet`` command ends with."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SETTINGS = 3
    ENGINE_UNREACHABLE = 4
    REGISTRY_UNREACHABLE = 5


class ArpanetError(Exception):
    """Base of all errors that arpanet reports without a traceback.

    :param message: what is wrong, and where: one sentence, without a full stop.
    :param hint: what to do about it; shown on the same line, after a semicolon.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UsageError(ArpanetError):
    """The command line asks for something that makes no sense."""

    exit_code = ExitCode.USAGE


class SettingsError(ArpanetError):
    """A setting is missing, malformed or untrue."""

    exit_code = ExitCode.SETTINGS


class EngineError(ArpanetError):
    """Docker answered, and said no."""


class EngineUnreachable(EngineError):
    """No Docker here, or no permission to talk to it."""

    exit_code = ExitCode.ENGINE_UNREACHABLE


class NameTaken(EngineError):
    """A container of that name exists and does not carry arpanet's label."""


class RegistryError(ArpanetError):
    """The registry answered, and said no."""


class RegistryUnreachable(RegistryError):
    """No master answers in time, or they have no quorum."""

    exit_code = ExitCode.REGISTRY_UNREACHABLE


class PluginError(ArpanetError):
    """A plugin is broken, or was written for another arpanet."""
