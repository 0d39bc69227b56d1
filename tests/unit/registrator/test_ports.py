"""Where a container's ports can be reached: networks, loopback, another container, options."""

import pytest
from arpanet_registrator.instances import LeftOut

from arpanet.records import Container, Port

from .test_instances import IP, WEB, container, made, names, said

NETWORKS = {"bridge": "172.17.0.2"}
LOOPBACK = Port(80, host_ip="127.0.0.1", host_port=8080)
NAMED = {"SERVICE_NAME": "priv"}


def reached(*containers: Container, **more: object) -> dict[str, tuple[str, dict[str, str]]]:
    """id -> address for others, addresses for clients on this host."""
    found = made(*containers, **more).instances  # type: ignore[arg-type]
    return {key: (one.address, dict(one.local)) for key, one in found.items()}


def why_not(*containers: Container, **more: object) -> list[str]:
    return [one.why for one in made(*containers, **more).left_out]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ports", "env", "expected"),
    [
        ([Port(80)], {}, {}),
        ([Port(80)], NAMED, {"h1:c0:80": ("priv", "priv-80")}),
        ([Port(80)], {"SERVICE_80_NAME": "priv"}, {"h1:c0:80": ("priv",)}),
        ([LOOPBACK], {}, {}),
        ([LOOPBACK], NAMED, {"h1:c0:80": ("priv", "priv-80")}),
        (
            [Port(80), Port(443)],
            NAMED,
            {"h1:c0:80": ("priv-80", "priv"), "h1:c0:443": ("priv-443",)},
        ),
    ],
)
def test_what_only_this_host_reaches_is_a_service_where_it_is_named(
    ports: list[Port], env: dict[str, str], expected: dict[str, tuple[str, ...]]
) -> None:
    one = container(ports=ports, env=env, networks=NETWORKS)
    assert names(one) == expected
    for key, (address, local) in reached(one).items():
        assert (address, local) == ("", {"bridge": f"172.17.0.2:{key.rpartition(':')[2]}"})
    assert said(one) == []


def test_what_is_published_is_not_joined_by_what_is_merely_exposed() -> None:
    published = Port(5672, host_ip="0.0.0.0", host_port=5672)
    ports = [Port(4369), published, Port(15672)]
    one = container("rabbitmq", ports, env={"SERVICE_NAME": "mq"}, networks=NETWORKS)
    assert names(one) == {"h1:c0:5672": ("mq", "mq-5672")}
    one = container("rabbitmq", ports, env={"SERVICE_15672_NAME": "ui"}, networks=NETWORKS)
    assert names(one) == {"h1:c0:5672": ("rabbitmq", "rabbitmq-5672"), "h1:c0:15672": ("ui",)}
    assert reached(one)["h1:c0:15672"] == ("", {"bridge": "172.17.0.2:15672"})


def test_an_address_of_another_network_is_said_whatever_becomes_of_it() -> None:
    elsewhere = [Port(80, host_ip="172.17.0.1", host_port=8080)]
    words = f"port 80 is published on 172.17.0.1 and not on ARPANET_IP {IP}: "
    one = container(ports=elsewhere, networks=NETWORKS)
    assert said(one) == [f"{words}other hosts cannot reach it, so it is not registered"]
    one = container(ports=elsewhere, networks=NETWORKS, env=NAMED)
    assert said(one) == [f"{words}it is a service for clients on this host alone"]


def test_why_something_is_no_service() -> None:
    advice = "publish it with -p, or give it a SERVICE_NAME for clients on this host alone"
    assert why_not(container(ports=[])) == ["it has no port: publish one with -p"]
    assert why_not(container(ports=[Port(80)])) == [f"port 80 is not published: {advice}"]
    assert why_not(container(ports=[LOOPBACK])) == [
        f"port 80 is published on loopback only: {advice}"
    ]
    assert why_not(container(ports=WEB[:1], env={"SERVICE_IGNORE": "1"})) == [
        "port 80 is ignored, as SERVICE_IGNORE has it"
    ]
    assert why_not(container(ports=[Port(80)], network_mode="host")) == [
        "nothing listens on port 80 of the host's network"
    ]
    assert made(container("redis:7", [Port(6379)], name="r0")).left_out[0] == LeftOut(
        "r0", ("redis", "redis-6379"), f"port 6379 is not published: {advice}"
    )
    assert why_not(container(ports=[], labels={"arpanet.part": "etcd"})) == []


def test_a_named_port_that_nobody_can_reach_is_warned_about() -> None:
    one = container(ports=[Port(80)], network_mode="none", networks={"none": ""}, env=NAMED)
    assert names(one) == {}
    assert said(one) == ["port 80 is not published: it is not registered under priv"]


def test_a_name_for_a_port_that_there_is_not_is_warned_about() -> None:
    one = container(ports=WEB[:1], env={"SERVICE_8080_NAME": "web"})
    assert names(one) == {"h1:c0:80": ("nginx", "nginx-80")}
    words = "it neither publishes nor exposes port 8080, which SERVICE_8080_NAME names"
    assert said(one) == [words]
    assert LeftOut("c0", ("web",), words) in made(one).left_out


def test_sctp_is_refused_with_a_word_and_takes_no_id() -> None:
    both = [Port(80, p, "0.0.0.0", 8080) for p in ("sctp", "tcp")]
    assert names(container(ports=both)) == {"h1:c0:80": ("nginx", "nginx-80")}
    words = "port 80 is sctp, and links carry tcp and udp"
    assert said(container(ports=both)) == [f"{words}: it is not registered"]
    assert said(container(ports=[Port(80, "sctp")])) == []


def test_of_several_bindings_the_first_that_answers_counts() -> None:
    twice = [Port(80, host_ip="0.0.0.0", host_port=port) for port in (8081, 8080)]
    assert reached(container(ports=twice))["h1:c0:80"][0] == f"{IP}:8081"


POD = container(
    "pause",
    [Port(80, host_ip="0.0.0.0", host_port=8080)],
    id="pod",
    name="pod",
    networks=NETWORKS,
)


def test_a_container_in_anothers_network_is_published_where_that_is() -> None:
    inside = container(ports=[Port(80), Port(81)], network_mode="container:pod")
    assert reached(POD, inside) == {
        "h1:pod:80": (f"{IP}:8080", {"bridge": "172.17.0.2:80"}),
        "h1:c0:80": (f"{IP}:8080", {"bridge": "172.17.0.2:80"}),
    }
    assert names(POD, inside)["h1:c0:80"] == ("nginx", "nginx-80")
    named = container(
        ports=[], network_mode="container:pod", env={"SERVICE_81_NAME": "b", "SERVICE_80_NAME": "a"}
    )
    assert names(POD, named) == {
        "h1:pod:80": ("pause", "pause-80"),
        "h1:c0:80": ("a",),
        "h1:c0:81": ("b",),
    }
    assert reached(POD, named)["h1:c0:81"] == ("", {"bridge": "172.17.0.2:81"})


def test_a_container_in_the_network_of_one_that_is_gone_or_of_itself() -> None:
    for other in ("gone", "c0"):
        one = container(ports=[Port(80)], network_mode=f"container:{other}", env=NAMED)
        assert names(one) == {}
        assert "not registered under priv" in said(one)[0]


def test_a_container_that_shares_the_hosts_network_through_another() -> None:
    owner = container("pause", [], id="pod", name="pod", network_mode="host")
    inside = container(ports=[Port(80)], network_mode="container:pod")
    assert names(owner, inside) == {}
    assert reached(owner, inside, open_ports=[80]) == {"h1:c0:80": (f"{IP}:80", {})}


@pytest.mark.parametrize("mode", ["host", "container:pod"])
@pytest.mark.parametrize("more", [{}, {"SERVICE_NAME": "app"}])
def test_naming_a_port_that_is_not_exposed_renames_no_other(
    mode: str, more: dict[str, str]
) -> None:
    owner = container("pause", [], id="pod", name="pod", network_mode="host")
    before, after = (
        names(owner, container(ports=[Port(92)], network_mode=mode, env=env), open_ports=[92, 91])
        for env in (more, {**more, "SERVICE_91_NAME": "metrics"})
    )
    base = more.get("SERVICE_NAME", "nginx")
    assert before == {"h1:c0:92": (base, f"{base}-92")}
    assert after == {**before, "h1:c0:91": ("metrics",)}


def test_explicit_takes_what_is_named_only() -> None:
    assert names(container(), explicit=True) == {}
    assert names(container(env={"SERVICE_80_NAME": "web"}), explicit=True) == {"h1:c0:80": ("web",)}
    assert "ARPANET_EXPLICIT is set" in why_not(container(), explicit=True)[0]


def test_internal_takes_what_is_exposed_at_the_containers_address() -> None:
    networks = {"bridge": "172.17.0.2", "over": "10.9.0.2"}
    ports = [LOOPBACK, Port(443)]
    one = container(ports=ports, networks=networks, network_mode="over")
    assert {key: a for key, (a, _) in reached(one, internal=True).items()} == {
        "h1:c0:80": "10.9.0.2:80",
        "h1:c0:443": "10.9.0.2:443",
    }
    lost = container(ports=ports, networks={"none": ""}, network_mode="none")
    assert reached(lost, internal=True) == {}
    assert "in no network" in why_not(lost, internal=True)[0]
    shared = container(ports=[Port(80)], network_mode="host")
    assert reached(shared, internal=True, open_ports=[80]) == {"h1:c0:80": (f"{IP}:80", {})}


@pytest.mark.parametrize(
    ("label", "address", "warned"),
    [
        ("192.168.7.9/24", "192.168.7.9:8080", False),
        ("fd00::9/64", "[fd00::9]:8080", False),
        ("192.168.7.9", "192.168.7.9:8080", False),
        ("nonsense", f"{IP}:8080", True),
        ("", f"{IP}:8080", False),
    ],
)
def test_the_address_in_a_label(label: str, address: str, warned: bool) -> None:
    bound = [Port(80, host_ip="::" if ":" in label else "0.0.0.0", host_port=8080)]
    one = container(ports=bound, labels={"net.ip": label})
    assert [a for a, _ in reached(one, ip_label="net.ip").values()] == [address]
    assert bool(said(one, ip_label="net.ip")) is warned
    assert "net.ip" not in str(said(one))


def test_tags_of_the_whole_host() -> None:
    dns = container("dns", [Port(53, "udp", "", 53)], env={"SERVICE_TAGS": "a,b"})
    (one,) = made(dns, tags=("b", "rack1")).instances.values()
    assert one.tags == ("a", "b", "rack1", "udp")
