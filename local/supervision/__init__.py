"""Processes that start, run and end together."""
