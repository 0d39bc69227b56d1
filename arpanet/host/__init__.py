"""This machine: installing Docker, its addresses, the watcher of its settings."""
