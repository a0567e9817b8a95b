"""Emulators of the services that the functions use: each is a program of its own, and imports none of our code."""
