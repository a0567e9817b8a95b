"""Breaks the running stack in every way that a cloud knows, and checks what must hold nevertheless."""
