"""Chaos: inject faults into a running stack, and check its invariants."""
