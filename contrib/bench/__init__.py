"""Figures of the data plane and of linking, measured over real hosts in a lab."""
