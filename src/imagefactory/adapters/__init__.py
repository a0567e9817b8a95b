"""The ports on real services: the only modules that import google.cloud or requests."""
