"""Which tests run in one process, one after the other: those that share what is slow to start.

The marks of pytest-xdist's loadgroup come to nothing: it writes them into the ids of tests, which pytest 9 no longer
takes from it. So a group follows from the path, whatever --dist says.
"""

from __future__ import annotations

from pathlib import PurePath

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # it has no py.typed

TESTS = PurePath("tests")
#: Folders and files of one group each, those that take longest first, so that no process is left with them alone.
TOGETHER: dict[str, tuple[str, ...]] = {
    "infra": ("infra",),
    "stack": ("contract/local_stack/test_stack.py", "e2e", "hostile"),
    "programs": ("contract/local_stack",),
    "staging": ("test_staging.py",),
    "setup": ("test_setup.py",),
    "broken stack": ("chaos/test_stack.py",),
    "firestore": ("contract/executions", "contract/workflows", "chaos"),
    "pictures": ("contract/pictures",),
    "model": ("contract/gemini_standin", "contract/gemini_client"),
    "queues": ("contract/cloud_tasks",),
}
#: The tests of these files need each other for nothing, and take long together.
APART = ("unit/usecases/test_interleavings.py",)


def group_of(node_id: str) -> str:
    """The group of a test by its id: its folder's in `contract`, and its file's where nothing is shared."""
    file = PurePath(node_id.partition("::")[0])
    path = file.relative_to(TESTS) if file.is_relative_to(TESTS) else file
    if str(path) in APART:
        return node_id
    places = [str(path), *map(str, path.parents)]
    for place in places:
        for group, members in TOGETHER.items():
            if place in members:
                return group
    return str(path.parent if path.parts[0] == "contract" else path)


def rank_of(node_id: str) -> tuple[int, int]:
    """Where the test's group stands in the order in which groups begin, and its folder or file in the group's."""
    names = [*TOGETHER]
    group = group_of(node_id)
    if group not in names:
        return len(names), 0
    members = TOGETHER[group]
    place = next(number for number, member in enumerate(members) if node_id.startswith(f"tests/{member}"))
    return names.index(group), place


class ScheduleByGroup(LoadScopeScheduling):  # type: ignore[misc] # as above
    """Gives each process a group at a time, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
