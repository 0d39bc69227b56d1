"""How Docker is greeted, without one."""

from types import SimpleNamespace

import docker.errors
import pytest

from arpanet.docker.api import Api


def greeted(status, headers):
    class Greeted(Api):
        def get(self, url, **_):
            assert url.endswith("/_ping")
            return SimpleNamespace(status_code=status, headers=headers)

    return Greeted("unix:///nowhere", version="auto")


def test_its_version_is_what_it_greets_with():
    assert greeted(200, {"Api-Version": "1.41"}).api_version == "1.41"


def test_who_names_no_version_is_none():
    with pytest.raises(docker.errors.DockerException, match="no Docker: HTTP status 404"):
        greeted(404, {})
