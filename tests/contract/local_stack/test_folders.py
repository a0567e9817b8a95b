"""What cannot be written ends the stack in one sentence that says what to change; a crash keeps its logs."""

from __future__ import annotations

import asyncio
import errno
import io
import tempfile
from typing import TYPE_CHECKING

import pytest

from local import demo
from local.stack import firestore, stack
from local.stack.ports import Ports
from local.stack.settings import ROOT, Endpoints
from local.supervision import signals
from local.supervision.errors import CrashError, StackError
from local.supervision.logs import Log, Terminal
from local.supervision.supervisor import Kind, Service, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Program = Callable[..., Service]

ENDPOINTS = Endpoints.of(Ports.row(8080), None, "workflow")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file where a folder is needed: not even root can write there. The folder for temporary files is another."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file = tmp_path / "file"
    file.touch()
    return file


async def run(service: Service) -> None:
    """A stack of one service, until it ends by itself."""
    with stack.make_folders(None) as folders:
        async with Supervisor(folders.logs, remove=[folders.run_folder]) as supervisor:
            await supervisor.start(service)
            await supervisor.wait_until_ready()
            if service.kind is Kind.SERVER:
                raise await supervisor.wait_for_crash()


def test_the_logs_of_a_crash_are_kept_where_nobody_named_a_folder(file: Path, program: Program) -> None:
    service = program("service", "print('why'); raise SystemExit(3)")

    with pytest.raises(CrashError, match="service ended by itself with code 3") as crashed:
        asyncio.run(run(service))

    assert crashed.value.logs is not None
    assert (crashed.value.logs / "service.log").read_text() == "why\n"
    assert {path.name for path in file.parent.iterdir()} == {"file", crashed.value.logs.parent.name}


def test_a_crash_whose_logs_are_gone_is_told_all_the_same(file: Path, program: Program) -> None:
    source = f"import shutil, glob; [shutil.rmtree(one) for one in glob.glob({str(file.parent / 'image-factory-*')!r})]"

    with pytest.raises(CrashError, match="service ended by itself with code 0") as crashed:
        asyncio.run(run(program("service", source)))

    assert crashed.value.logs is None


def test_an_end_in_good_order_leaves_no_folder(file: Path, program: Program) -> None:
    asyncio.run(run(program("service", "", kind=Kind.ONESHOT)))

    assert list(file.parent.iterdir()) == [file]


def stage(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "CACHE", file / ".cache")
    stack.stage_with_make()


def stage_over_a_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file.parent / "Makefile").write_text("stage:\n\t@mkdir file/build\n")
    monkeypatch.setattr(stack, "CACHE", file.parent)
    monkeypatch.setattr(stack, "ROOT", file.parent)
    stack.stage_with_make()


def keep_data(file: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
    with stack.make_folders(file):
        pytest.fail("it was made")


def make_temporary(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(file))
    with stack.make_folders(None):
        pytest.fail("it was made")


def publish(file: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
    with stack.publish_state_file(ENDPOINTS, file / "state.json"):
        pytest.fail("it was written")


def publish_over_a_folder(file: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
    folder = file.parent / "folder"
    folder.mkdir()
    with stack.publish_state_file(ENDPOINTS, folder):
        pytest.fail("it was written")


def download(file: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
    firestore.download_jar("http://127.0.0.1:9/", "0" * 64, file / ".cache", lambda _line: None)


def log(file: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with Supervisor(file) as supervisor:
            await supervisor.start(Service("service", ("true",), file.parent, {}))

    asyncio.run(work())


def make_images(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["demo", "--out", str(file / "out")])
    demo.main()


def read_prompts(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(b"\xff")
    monkeypatch.setattr("sys.argv", ["demo", "--prompts", str(file)])
    demo.main()


@pytest.mark.parametrize(
    ("use", "sentence"),
    [
        (stage, "The folder {root} cannot be written (Not a directory): give yourself the right to, make room, or"),
        (stage_over_a_file, "`make stage` failed: mkdir: "),
        (keep_data, "The folder {file}/logs cannot be written (Not a directory): name another, or give yourself"),
        (
            make_temporary,
            "The folder for temporary files cannot be written (Not a directory): make room in it, or",
        ),
        (publish, "The state file {file}/state.json cannot be written (Not a directory): name another place, or give"),
        (publish_over_a_folder, "folder cannot be written (Is a directory): name another place, or give yourself"),
        (download, "The folder {file}/.cache cannot be written (Not a directory): give yourself the right to, or name"),
        (log, "The log of service in {file} cannot be written (Not a directory): choose another folder, or make room"),
        (make_images, "The folder {file}/out cannot be written (Not a directory): name another, or give yourself"),
        (read_prompts, "The prompts in {file} cannot be read: 'utf-8' codec can't decode byte 0xff"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_cannot_be_written_is_told_in_a_sentence(
    file: Path, monkeypatch: pytest.MonkeyPatch, use: Callable[[Path, pytest.MonkeyPatch], None], sentence: str
) -> None:
    with pytest.raises(StackError) as told:
        use(file, monkeypatch)

    assert sentence.format(file=file, root=ROOT) in str(told.value)
    assert "\n" not in str(told.value)
    assert not list(file.parent.glob(".folder*"))


def test_a_service_goes_on_when_its_log_has_no_room(tmp_path: Path) -> None:
    (tmp_path / "service.log").symlink_to("/dev/full")
    screen = io.StringIO()

    log = Log(tmp_path, "service", Terminal(screen, width=7))
    for line in (b"one\n", b"two\n"):
        log.write(line)
    log.close()

    room = f"(from here on nothing is kept, since {tmp_path}/service.log cannot be written: No space left on device)"
    assert log.tail() == ("one", room, "two")
    assert screen.getvalue().count("\n") == 3


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StackError("A port is busy."), "A port is busy.\n"),
        (
            CrashError("service", "ended", ("why",)),
            "service ended; everything else was stopped.\nIts last log lines (service)",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "The machine does not let the stack run: [Errno 28] No"),
    ],
)
def test_whatever_is_in_the_way_is_said_and_ends_with_code_1(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    code = signals.report_errors(work)

    written = capsys.readouterr().err
    assert code == 1
    assert written.startswith(said)
    assert "Traceback" not in written
