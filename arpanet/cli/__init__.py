"""The command line: a cliff app, one file per command."""
