"""Deliveries: due tasks become HTTP requests, and the answers decide on retries."""
