"""The deployment: `python -m infra COMMAND` brings a Google Cloud project to the state that the files here describe.

It needs Python 3.11, gcloud and make, and installs nothing; only the images of `verify` need the package requests.
"""

import sys
from pathlib import Path

# The functions' settings are declared once, in imagefactory.settings, and the API is called through
# imagefactory_client. A bare Python runs this program, so nothing has put these packages on the path.
_ROOT = Path(__file__).resolve().parents[1]
for _sources in (str(_ROOT / "src"), str(_ROOT / "client" / "src")):
    if _sources not in sys.path:
        sys.path.append(_sources)
