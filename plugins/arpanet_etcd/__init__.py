"""Masters, and the registry in etcd."""
