"""The plugin: declares its setting and listens to three events."""

from pathlib import Path
from typing import Any

from arpanet import Container, Context, Setting, Snapshot, hookimpl
from arpanet_hello import journal

__all__ = ["AGENT", "HELLO_FILE", "HelloPlugin"]

#: The agent that the plugin runs in, and so the part whose container holds the journal.
AGENT = "registrator"


def absolute(value: str) -> Path:
    """An absolute path."""
    if not value.startswith("/"):
        raise ValueError("must be an absolute path")
    return Path(value)


HELLO_FILE = Setting(
    "HELLO_FILE", absolute, "/run/arpanet/hello.jsonl", "Where the journal is, inside the agent."
)


class HelloPlugin:
    """Writes a line when a container comes or goes, and when services do."""

    agents = (AGENT,)

    @hookimpl
    def arpanet_settings(self) -> list[Setting[Any]]:
        """Declare HELLO_FILE, so that it may stand in ~/.arpanetrc."""
        return [HELLO_FILE]

    @hookimpl
    def arpanet_container_register(self, context: Context, container: Container) -> None:
        """Note a container that runs."""
        journal.write(context.settings[HELLO_FILE], "register", container=container.name)

    @hookimpl
    def arpanet_container_deregister(self, context: Context, container: Container) -> None:
        """Note a container that runs no more."""
        journal.write(context.settings[HELLO_FILE], "deregister", container=container.name)

    @hookimpl
    def arpanet_services_changed(self, context: Context, before: Snapshot, after: Snapshot) -> None:
        """Note which services came and went; an instance more or less is no news here."""
        found = journal.changes(before, after)
        if any(found.values()):
            journal.write(context.settings[HELLO_FILE], "services", **found)
