"""Names: what clients' hosts files say, and what DNS says of names that links go to."""
