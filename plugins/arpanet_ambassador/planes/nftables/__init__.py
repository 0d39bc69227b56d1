"""The plane that writes rules into clients' network namespaces."""
