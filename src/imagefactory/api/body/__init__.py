"""Request bodies: bounded in size and time, and read into values."""
