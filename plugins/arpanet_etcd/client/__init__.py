"""etcd's v3 gateway: requests, failover, watches."""
