"""The local stack: everything the functions talk to in the cloud, as small programs on loopback."""

import sys
from pathlib import Path

# The functions' settings are declared once, in imagefactory.settings.
_SOURCES = str(Path(__file__).resolve().parents[1] / "src")
if _SOURCES not in sys.path:
    sys.path.append(_SOURCES)
