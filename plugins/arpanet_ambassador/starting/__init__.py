"""Containers that Docker is about to start: seen before their first instruction runs."""
