"""Where the ambassador leaves who talks to whom; the command line needs no more of it."""

__all__ = ["FIELDS", "PART"]

#: The name of the status file.
PART = "flows"
#: What it holds of each flow.
FIELDS = ("client", "dialled", "protocol", "target", "instance", "count", "last")
