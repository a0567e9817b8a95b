"""Image Factory: a list of prompts in, one image per prompt out."""
