"""The methods of the API, independent of the transport."""
