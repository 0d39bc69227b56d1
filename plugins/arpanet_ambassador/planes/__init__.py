"""Doing: what carries links, and the network namespaces that they are carried in."""
