"""``arpanet etcdctl``: the old verbs, and the real program for all else."""
