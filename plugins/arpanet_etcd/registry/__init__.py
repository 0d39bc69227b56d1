"""The registry over etcd's two APIs: keys, sessions, mirrors."""
