"""The local stack: everything the functions talk to in the cloud, as small programs on loopback."""

import sys
from pathlib import Path

# The functions' settings are declared once, in imagefactory.settings; the API is called through imagefactory_client.
_ROOT = Path(__file__).resolve().parents[1]
for _sources in (str(_ROOT / "src"), str(_ROOT / "client" / "src")):
    if _sources not in sys.path:
        sys.path.append(_sources)
