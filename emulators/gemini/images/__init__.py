"""The pictures: the table of models, their latency, and the drawing."""
