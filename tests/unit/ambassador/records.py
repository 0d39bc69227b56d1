"""Short forms of the records that the ambassador's tests are full of."""

from arpanet.codec import encode_links
from arpanet.records import Container, Instance

AMBASSADOR = "arpanet_backends"


class Told(tuple):
    """Links, as those who tell of them are given them."""

    @property
    def packed(self):
        return encode_links(self)[1:-1]


def container(
    name, *, ip="172.17.0.3", network="bridge", linked=(), env=(), labels=(), mode=None, pid=7
):
    """A container, by default on the default bridge."""
    shared = (mode or "").startswith("container:") or mode in ("host", "none")
    return Container(
        id=f"id-{name}",
        name=name,
        image="image",
        pid=pid,
        started="t0",
        network_mode=mode or network,
        networks={} if shared else {network: ip},
        env=dict(env),
        labels=dict(labels),
        links=tuple((AMBASSADOR, alias) for alias in linked),
    )


def backends(**networks):
    """The ambassador's own container."""
    one = container(AMBASSADOR, ip="172.17.0.2")
    return Container(**{**vars(one), "networks": {"bridge": "172.17.0.2", **networks}})


def by_id(*containers):
    return {one.id: one for one in containers}


def instance(service, ip, port, *, host="other", name="c", **more):
    return Instance(f"{host}:{name}:{port}", (service,), host, ip, port, **more)


def leads(plan, key="id-web"):
    """What a client of *plan* dials -> where that leads."""
    links = plan.clients[key].links
    return {frontend: plan.pools.get(pool, ()) for frontend, pool in links.items()}


def resolved(plan):
    """Every link of *plan*, and where it leads."""
    return [plan.resolved(number) for number in range(len(plan.ground.links))]
