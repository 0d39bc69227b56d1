"""The plugin: a teller in each registrator's agent, one of which tells."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from arpanet import HOSTNAME, Context, Setting, Snapshot, hookimpl
from arpanet_webhook.teller import Teller

__all__ = ["WEBHOOK_URL", "WebhookPlugin"]

#: What the hosts of a cluster stand for leading under.
NAME = "webhook"


def url(text: str) -> str:
    """An http or https URL, or nothing: then nobody is told."""
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError("must be an http:// or https:// URL")
    return text


WEBHOOK_URL = Setting("WEBHOOK_URL", url, "", "Where changes of services are posted to.")


class WebhookPlugin:
    """Posts which instances came, went and changed."""

    agents = ("registrator",)

    def __init__(self) -> None:
        self._teller: Teller | None = None

    @hookimpl
    def arpanet_settings(self) -> Sequence[Setting[Any]]:
        """Declare WEBHOOK_URL."""
        return [WEBHOOK_URL]

    @hookimpl
    def arpanet_services_changed(self, context: Context, after: Snapshot) -> None:
        """Hand on what there is; the first time, begin."""
        if self._teller is None and context.settings[WEBHOOK_URL]:
            leadership = context.registry.leader(NAME)
            self._teller = Teller(
                context.settings[WEBHOOK_URL], leadership, context.settings[HOSTNAME]
            )
        if self._teller:
            self._teller.tell(after)

    @hookimpl
    def arpanet_agent_stop(self) -> None:
        """Tell what there is still to tell, and let another host lead."""
        if self._teller:
            self._teller.close()
            self._teller = None
