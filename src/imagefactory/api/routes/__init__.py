"""The routes of each function, and the parameters in their queries."""
