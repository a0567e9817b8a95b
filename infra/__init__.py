"""The deployment: `python -m infra COMMAND` brings a Google Cloud project to the state that the files here describe.

It needs Python 3.11, gcloud and make, and installs nothing.
"""

import sys
from pathlib import Path

# The functions' settings are declared once, in imagefactory.settings. A bare Python runs this program, so nothing has
# put that package on the path.
_SOURCES = str(Path(__file__).resolve().parents[1] / "src")
if _SOURCES not in sys.path:
    sys.path.append(_SOURCES)
