"""A token issuer for local users, in place of Firebase Authentication."""
