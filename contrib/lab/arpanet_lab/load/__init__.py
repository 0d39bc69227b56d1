"""Load for drills: what clients notice while something is broken."""
