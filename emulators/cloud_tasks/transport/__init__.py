"""The transports: gRPC, REST, and the test controls."""
