"""What a large cluster costs its registry: simulated hosts and followers of a real etcd."""
