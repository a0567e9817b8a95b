"""A stand-in for the Gemini API's image models: real pictures, recorded answer shapes, and faults on request."""
