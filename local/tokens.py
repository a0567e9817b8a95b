"""ID tokens of the local stack's issuer."""

from __future__ import annotations

import requests

TIMEOUT_SECONDS = 30


def token_for(identity: str, user: str) -> str:
    """Fetch an ID token for `user` from the token issuer at `identity`; raises OSError if it does not answer."""
    answer = requests.get(f"{identity}/token", params={"user": user}, timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    token: str = answer.json()["id_token"]
    return token
