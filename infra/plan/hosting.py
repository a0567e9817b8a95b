"""Firebase Hosting's configuration for this deployment: the page, and the API on the same origin."""

from __future__ import annotations

import os
import sys

from infra.plan.settings import ROOT, filled


def main() -> int:
    """Print infra/firebase.json with this deployment's names in it."""
    template = (ROOT / "infra/firebase.json").read_text(encoding="utf-8")
    sys.stdout.write(filled(template, os.environ))
    return 0


if __name__ == "__main__":
    sys.exit(main())
