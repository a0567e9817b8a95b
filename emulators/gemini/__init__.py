"""A stand-in for the Gemini API's image models: real pictures, recorded answer shapes, and every failure on request."""
