"""`python tools/figures.py`: print the code in numbers, by folder; exit code 1 if a module or a function is too long.

The length of a function is that of its body: from the first statement after its docstring to the last, without blank
lines. `# noqa` and `# type: ignore` do not count as comments.
"""

from __future__ import annotations

import ast
import io
import statistics
import sys
import tokenize
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("src", "client", "functions", "infra", "emulators", "local", "bench", "tools", "tests")
#: The folders with limits.
BOUNDED = ("src", "client", "functions", "infra", "emulators", "local", "bench", "tools")
MAX_MODULE, MAX_FUNCTION = 300, 40
#: Per cent of functions that are named by a participle; records may answer changed copies of themselves so.
MAX_PARTICIPLES = 3
#: Participles that do not end with -ed or -ing, and words that do and are none.
IRREGULAR = frozenset(
    [
        "begun",
        "bound",
        "broken",
        "built",
        "chosen",
        "done",
        "drawn",
        "found",
        "gathered",
        "given",
        "grown",
        "held",
        "hidden",
        "kept",
        "known",
        "left",
        "lent",
        "lost",
        "made",
        "met",
        "put",
        "read_",
        "said",
        "seen",
        "sent",
        "shown",
        "sold",
        "spent",
        "swept",
        "taken",
        "thrown",
        "told",
        "understood",
        "worn",
        "written",
    ]
)
NO_PARTICIPLES = frozenset(["bring", "embed", "feed", "need", "ping", "red", "ring", "seed", "shed", "speed", "string"])

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"


@dataclass(frozen=True)
class Module:
    """A file: its lines, comments, functions with their lengths, and flags for docstrings and annotations."""

    path: Path
    lines: int
    comments: int
    documented: list[bool]
    functions: list[tuple[str, int]]
    annotated: list[bool]

    @classmethod
    def read(cls, path: Path) -> Module:
        """Measure a file."""
        text = path.read_text()
        tree = ast.parse(text, path)
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        lines = text.splitlines()
        return cls(
            path=path.relative_to(ROOT),
            lines=len(lines),
            comments=sum(1 for _ in _comments(text)),
            documented=[ast.get_docstring(node) is not None for node in _public(tree)],
            functions=[(f"{node.name}:{node.lineno}", _length(node, lines)) for node in functions],
            annotated=[_is_annotated(node) for node in functions],
        )


@dataclass
class Folder:
    """The files under a folder."""

    name: str
    modules: list[Module] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """The lines of all modules."""
        return sum(module.lines for module in self.modules)

    def row(self) -> tuple[str, ...]:
        """The folder's line of the table."""
        lengths = sorted(length for module in self.modules for _, length in module.functions)
        modules = sorted(module.lines for module in self.modules)
        documented = [each for module in self.modules for each in module.documented]
        annotated = [each for module in self.modules for each in module.annotated]
        comments = sum(module.comments for module in self.modules)
        return (
            self.name,
            str(len(modules)),
            str(self.lines),
            f"{statistics.median(modules):.0f}",
            str(modules[-1]),
            str(len(lengths)),
            f"{statistics.median(lengths):.0f}",
            str(lengths[int(len(lengths) * 0.9)]),
            str(lengths[-1]),
            _share([length > MAX_FUNCTION for length in lengths]),
            f"{100 * comments / self.lines:.1f}",
            _share(documented),
            _share(annotated),
            _share(self.participles),
        )

    @property
    def participles(self) -> list[bool]:
        """For each function, whether it is named by a participle."""
        return [_is_participle(name) for module in self.modules for name, _ in module.functions]

    def broken_limits(self) -> Iterator[str]:
        """Yield a line for every limit that is exceeded."""
        for module in self.modules:
            if module.lines > MAX_MODULE:
                yield f"{module.path} has {module.lines} lines; at most {MAX_MODULE}"
            for name, length in module.functions:
                if length > MAX_FUNCTION:
                    yield f"{module.path}: the body of {name} has {length} lines; at most {MAX_FUNCTION}"


HEADER = (
    "folder",
    "modules",
    "lines",
    "median",
    "longest",
    "functions",
    "median",
    "p90",
    "longest",
    f"over {MAX_FUNCTION}",
    "comments/100",
    "docstrings",
    "annotated",
    "participles",
)


def _is_participle(name: str) -> bool:
    word = name.partition(":")[0].strip("_").partition("_")[0]
    return word not in NO_PARTICIPLES and (word in IRREGULAR or word.endswith(("ed", "ing")))


def _share(values: Sequence[bool]) -> str:
    return f"{100 * sum(values) / len(values):.0f} %" if values else "-"


def _public(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef | Function]:
    """The module, and every public class and function; methods too, but no functions inside functions."""
    yield tree
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    outer = [node for node in tree.body if isinstance(node, kinds)]
    inner = [
        node
        for parameter in outer
        if isinstance(parameter, ast.ClassDef)
        for node in parameter.body
        if isinstance(node, kinds)
    ]
    yield from (node for node in (*outer, *inner) if not node.name.startswith("_"))


def _length(function: Function, lines: Sequence[str]) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    return sum(1 for line in lines[body[0].lineno - 1 : body[-1].end_lineno] if line.strip())


def _is_annotated(function: Function) -> bool:
    arguments = function.args
    parameters = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        *filter(None, (arguments.vararg, arguments.kwarg)),
    ]
    annotatable = [
        parameter for position, parameter in enumerate(parameters) if position or parameter.arg not in ("self", "cls")
    ]
    return function.returns is not None and all(parameter.annotation for parameter in annotatable)


def _comments(text: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith(("# noqa", "# type:", "# fmt:")):
            yield token.string


def read_folders() -> list[Folder]:
    """Read and measure every folder."""
    return [Folder(name, [Module.read(path) for path in sorted((ROOT / name).rglob("*.py"))]) for name in FOLDERS]


def table(folders: Sequence[Folder]) -> str:
    """The table as text: a header and a row for each folder."""
    rows = [HEADER, *(folder.row() for folder in folders)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def main() -> int:
    """Print the table and what is too long; return the exit code."""
    folders = read_folders()
    tests = sum(folder.lines for folder in folders if folder.name == "tests")
    tested = sum(
        folder.lines
        for folder in folders
        if folder.name in ("src", "client", "functions", "infra", "emulators", "local")
    )
    faults = [fault for folder in folders if folder.name in BOUNDED for fault in folder.broken_limits()]
    for line in (table(folders), f"\ntests to source: {tests / tested:.2f}", *faults):
        sys.stdout.write(f"{line}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
