"""The registry over etcd's v3 API."""
