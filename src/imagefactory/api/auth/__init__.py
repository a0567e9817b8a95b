"""Authentication: ID tokens, and the issuer's keys that verify them."""
