"""Whether a name is taken by a living host: what both stores ask of a host's record. Pure."""

from arpanet import Host, codec, duplicate_host

__all__ = ["living", "refuse_another"]


def living(name: str, text: str, kept: bool) -> Host | None:
    """Return the record of a host whose session is alive.

    :param text: what the record's key holds.
    :param kept: whether it goes when nobody keeps it (a lease, a time to live), and is there still.
    """
    try:
        return codec.decode_host(name, text) if kept else None
    except ValueError:
        return None


def refuse_another(host: Host, other: Host | None) -> None:
    """Refuse *host* where *other* has its name, and is another engine.

    :raises RegistryError: it does.
    """
    if other and other.engine != host.engine:
        raise duplicate_host(host, other)
