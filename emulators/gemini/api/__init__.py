"""The HTTP API: it validates requests, and builds and sends the answers."""
