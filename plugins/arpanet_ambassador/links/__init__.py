"""Deciding: declarations -> specs -> targets -> plan; pure."""
