"""`python -m tools.run_uv ARGUMENTS`: run uv with pip's configuration.

uv reads neither pip's files nor its variables. If a machine needs a mirror, a proxy or a certificate, pip is configured
for it; this module translates that configuration for uv. uv's own variables win.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[1]
#: By option of pip: uv's variable, and the separator of its values; pip separates by white space.
OPTIONS = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "no-index": ("UV_NO_INDEX", " "),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "client-cert": ("SSL_CLIENT_CERT", " "),
    "proxy": ("ALL_PROXY", " "),
}
#: Older names of the same variables.
OLDER_NAMES = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}


def main() -> None:
    """Replace this process by uv."""
    options = pip_options()
    if sys.argv[1:3] == ["pip", "compile"]:
        # A lock is for every machine: with a local folder it would have only the hashes of the files there.
        options = {name: value for name, value in options.items() if name not in ("extra-index-url", "find-links")}
    variables = environment(os.environ, options, ROOT / ".cache" / "uv")
    os.execve(sys.executable, [sys.executable, "-m", "uv", *sys.argv[1:]], variables)  # noqa: S606 - that is its purpose


def pip_options() -> dict[str, str]:
    """Pip's configuration by the long names of its options; empty without pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    config = subprocess.run(command, capture_output=True, check=False, text=True)  # noqa: S603 - the pip of this Python
    lines = (line.partition("=") for line in config.stdout.splitlines())
    settings = {key: str(ast.literal_eval(value)) for key, _, value in lines}
    options: dict[str, str] = {}
    # Each later section overrides the earlier ones.
    for section in ("global.", "install.", ":env:."):
        options |= {key.removeprefix(section): value for key, value in settings.items() if key.startswith(section)}
    return options


def environment(given: Mapping[str, str], pip: Mapping[str, str], cache: Path) -> dict[str, str]:
    """The variables for uv: the `given` ones, pip's options under uv's names, and `cache` if uv's own is read-only."""
    pip_options = dict(pip)
    pip_options.setdefault("timeout", pip.get("default-timeout", ""))
    variables = {
        variable: separator.join(pip_options[option].split())
        for option, (variable, separator) in OPTIONS.items()
        if pip_options.get(option)
    }
    variables = {name: value for name, value in variables.items() if OLDER_NAMES.get(name, name) not in given}
    # As pip does, take the best version of all indexes; uv by default takes the first index that has the package.
    variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if not is_writable(cache_folder(given)):
        variables["UV_CACHE_DIR"] = str(cache)
        return variables | {name: value for name, value in given.items() if name != "UV_CACHE_DIR"}
    return variables | dict(given)


def cache_folder(given: Mapping[str, str]) -> Path:
    """The folder of uv's own cache."""
    home = Path(given.get("XDG_CACHE_HOME") or Path(given.get("HOME", "/")) / ".cache")
    return Path(given.get("UV_CACHE_DIR") or home / "uv")


def is_writable(folder: Path) -> bool:
    """Make the folder if it is missing; return whether a file can be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
