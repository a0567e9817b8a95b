"""The ways in: gRPC, REST, and the test controls."""
