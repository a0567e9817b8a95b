"""Messages of the API: their types, names, times and errors, and the rules for their fields."""
