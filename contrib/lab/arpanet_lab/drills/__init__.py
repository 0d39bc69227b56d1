"""Drills: an accident to a cluster under load, and what it may cost."""
