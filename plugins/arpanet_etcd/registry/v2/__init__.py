"""The registry over etcd's v2 API, with python-etcd."""
