"""The local stack: everything the functions talk to in the cloud, as small programs on loopback."""
