"""Declared links become connections."""
