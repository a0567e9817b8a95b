"""What the factory does, one verb a module, written against the ports."""
