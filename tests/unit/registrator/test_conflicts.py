"""One name for different ports of different containers."""

import pytest
from arpanet_registrator.conflicts import mixed

from arpanet.records import Instance, Port

from .test_instances import WEB, container, said


def instance(key: str, *services: str) -> Instance:
    return Instance(key, services, "h1", "10.0.0.1", 80, container=f"c-{key}")


@pytest.mark.parametrize(
    ("own", "other", "warned"),
    [
        (("web-80", "web"), ("web", "web-443"), True),
        (("web", "web-443"), ("web-80", "web"), True),
        (("web-80", "web"), ("web", "web-80"), False),
        (("web", "web-6379"), ("web", "web-6380"), False),
        (("web-80",), ("web", "web-443"), False),
        (("web-80", "web"), ("web",), False),
        (("web-x", "web"), ("web", "web-443"), False),
    ],
)
def test_a_shared_name_that_means_another_port(
    own: tuple[str, ...], other: tuple[str, ...], warned: bool
) -> None:
    found = list(mixed({"a": instance("a", *own), "b": instance("b", *other)}))
    assert [container for container, _ in found] == (["c-a", "c-b"] if warned else [])
    assert len({line for _, line in found}) == warned


def test_both_containers_of_one_host_are_told() -> None:
    env = {"SERVICE_NAME": "web"}
    both = container(env=env)
    tls = container(ports=WEB[1:], env=env, id="c1", name="c1")
    line = "service web leads to port 80 of h1:c0:80 and to port 443 of h1:c1:443:"
    assert said(both, tls) == [f"{line} give one another name with SERVICE_<port>_NAME"] * 2


def test_images_names_do_not_mix() -> None:
    tls = container(ports=[Port(443, host_ip="0.0.0.0", host_port=443)], id="c1", name="c1")
    assert said(container(), tls) == []
