"""Answers that come as a stream: one JSON document per line."""

from collections.abc import Iterator

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from arpanet import RegistryUnreachable, codec
from arpanet_etcd.client import wire
from arpanet_etcd.client.wire import Json

__all__ = ["lines", "results"]


def lines(response: BaseHTTPResponse) -> Iterator[bytes]:
    """Yield each line that is not empty, as it comes; the last one may lack its end."""
    rest: list[bytes] = []
    for chunk in response.stream(65536):
        *whole, last = chunk.split(b"\n")
        for line in whole:
            found = b"".join((*rest, line))
            rest.clear()
            if found:
                yield found
        rest.append(last)
    if found := b"".join(rest):
        yield found


def results(response: BaseHTTPResponse) -> Iterator[Json]:
    """Yield each document's result, until the stream ends.

    :raises EtcdError: etcd ended it with an error.
    :raises RegistryUnreachable: the connection broke, or what came is no stream of etcd's.
    """
    try:
        for line in lines(response):
            document = codec.parse(line)
            if "error" in document:
                raise wire.failure(200, line)
            yield document["result"]
    except (HTTPError, OSError, ValueError, KeyError, TypeError) as problem:
        raise RegistryUnreachable(f"the master ended its answer halfway: {problem}") from problem
    finally:
        response.close()
