"""Measurements of time and memory; each program prints its figures and what it compared."""
