"""The services of the local stack: their settings, their commands, and the order in which they start."""
