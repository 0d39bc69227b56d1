"""How Docker is greeted."""

import docker
import docker.errors

__all__ = ["Api"]


class Api(docker.APIClient):
    """The SDK's, but for how it learns what version of the API there is (``auto``).

    The SDK asks for all versions, for which Docker starts programs each time, to ask for theirs.
    """

    def _retrieve_server_version(self) -> str:
        answer = self.get(f"{self.base_url}/_ping", timeout=self.timeout)
        if version := answer.headers.get("Api-Version"):
            return version
        raise docker.errors.DockerException(f"no Docker: HTTP status {answer.status_code}")
