"""Everything but an image that a call can end with, and the rules that say when."""
