"""The rules of the factory: frozen records and pure functions on the standard library alone."""
