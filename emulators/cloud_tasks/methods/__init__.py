"""The methods of the API, independent of how a call arrives."""
