"""The HTTP API: requests are checked, and answers are built and sent."""
