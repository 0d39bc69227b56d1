"""Node images: pull one, or pack one from the running installation."""

from arpanet.images import elf

__all__ = ["elf"]
