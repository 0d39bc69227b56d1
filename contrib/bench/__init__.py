"""Figures of the data plane and of links that come and go, measured over real hosts in a lab."""
