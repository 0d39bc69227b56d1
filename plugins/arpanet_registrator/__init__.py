"""The registrator: containers -> instances -> the registry."""
