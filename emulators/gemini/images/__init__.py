"""The images: the table of models, how long each takes, and the drawing itself."""
