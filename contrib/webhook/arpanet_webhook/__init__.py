"""Tells a URL which instances of services came, went and changed: once for the whole cluster."""
