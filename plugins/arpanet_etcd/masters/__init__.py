"""Masters: forming a cluster, joining, leaving, the container, health."""
