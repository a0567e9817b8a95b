"""The ports on real services: the only modules that import google.cloud or requests."""

import warnings

# Google's clients look at the date when they are imported, and from three months before the end of a Python's life on
# every start of an instance would log a warning of several lines. Which Python is deployed is decided elsewhere.
warnings.filterwarnings("ignore", r"You are using a (non-supported )?Python version", FutureWarning)
