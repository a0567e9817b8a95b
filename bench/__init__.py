"""Measurements of time and memory; each program prints a table."""
