"""`python -m tools.run_uv ARGUMENTS`: runs uv with what pip is configured to use on this machine.

uv reads neither pip's files nor its variables. A machine that reaches packages through a mirror, a proxy or a
certificate of its own has said so to pip, so pip is asked, and uv is told. What uv has been told itself stays.
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
#: pip's options and uv's variables for the same thing; pip separates by white space.
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
#: Variables that say the same under an older name.
OLDER_NAMES = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}


def main() -> None:
    """Becomes uv."""
    options = pip_options()
    if sys.argv[1:3] == ["pip", "compile"]:
        # A lock is for everybody: with a folder of this machine it would have the hashes of those few files alone.
        options = {name: value for name, value in options.items() if name not in ("extra-index-url", "find-links")}
    told = environment(os.environ, options, ROOT / ".cache" / "uv")
    os.execve(sys.executable, [sys.executable, "-m", "uv", *sys.argv[1:]], told)  # noqa: S606 - that is its purpose


def pip_options() -> dict[str, str]:
    """What pip is configured to use, by the long names of its options; empty where there is no pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, check=False, text=True)  # noqa: S603 - the pip of this Python
    lines = (line.partition("=") for line in listed.stdout.splitlines())
    settings = {key: str(ast.literal_eval(value)) for key, _, value in lines}
    found: dict[str, str] = {}
    # Each later section overrides the ones before it.
    for section in ("global.", "install.", ":env:."):
        found |= {key.removeprefix(section): value for key, value in settings.items() if key.startswith(section)}
    return found


def environment(given: Mapping[str, str], pip: Mapping[str, str], cache: Path) -> dict[str, str]:
    """The variables for uv: the `given` ones, pip's options under its names, and `cache` for a read-only home."""
    wanted = dict(pip)
    wanted.setdefault("timeout", pip.get("default-timeout", ""))
    told = {
        variable: separator.join(wanted[option].split())
        for option, (variable, separator) in OPTIONS.items()
        if wanted.get(option)
    }
    told = {name: value for name, value in told.items() if OLDER_NAMES.get(name, name) not in given}
    # pip takes the best version of all indexes; uv would look no further than the first that knows the name.
    told["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if not is_writable(cache_folder(given)):
        told["UV_CACHE_DIR"] = str(cache)
        return told | {name: value for name, value in given.items() if name != "UV_CACHE_DIR"}
    return told | dict(given)


def cache_folder(given: Mapping[str, str]) -> Path:
    """Where uv keeps what it has downloaded, unless told otherwise."""
    home = Path(given.get("XDG_CACHE_HOME") or Path(given.get("HOME", "/")) / ".cache")
    return Path(given.get("UV_CACHE_DIR") or home / "uv")


def is_writable(folder: Path) -> bool:
    """Whether a file can be made in the folder, which may have to be made for that."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
