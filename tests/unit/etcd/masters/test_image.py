"""Which etcd image a host takes of those that it has."""

from types import SimpleNamespace

from arpanet_etcd.masters import image
from arpanet_etcd.settings import ETCD_IMAGE


class Docker:
    """It has packed images of etcd, and none that was pulled."""

    def has_image(self, tag):
        return False

    def images(self, repository):
        return [f"{repository}:{version}" for version in ("3.5.9", "3.5.30", "3.4.23")]


def test_of_packed_images_the_newest_is_taken_where_this_host_has_no_etcd(monkeypatch):
    """By number: as words, 3.5.9 comes after 3.5.30."""
    monkeypatch.setattr(image, "_host_version", lambda: None)
    monkeypatch.setattr(image, "_may_pack", lambda context: True)
    monkeypatch.setattr(image, "_version", lambda engine, tag: tag)
    context = SimpleNamespace(engine=Docker(), settings={ETCD_IMAGE: "quay.io/etcd:1"})
    assert image.present(context).tag == "arpanet/etcd:3.5.30"
