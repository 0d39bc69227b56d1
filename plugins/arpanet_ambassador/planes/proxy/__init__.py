"""The plane that listens and dials itself."""
