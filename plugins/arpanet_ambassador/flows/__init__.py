"""What connections there are, and which of them are stuck."""
