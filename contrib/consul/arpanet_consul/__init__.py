"""arpanet links that lead to services in Consul's catalog: ``BACKEND_6379=consul:redis``."""
