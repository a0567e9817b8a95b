"""Mutations: what a module would read with one small defect in it; those that only reword a message are left out."""

from __future__ import annotations

import ast
import re
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Each operator, and the one that stands in for it.
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.USub: ast.UAdd,
    ast.Break: ast.Continue,
    ast.Continue: ast.Break,
}
#: What nobody runs: types, which mypy checks, and how a record is made.
UNTESTED = {"annotation", "returns", "decorator_list", "type_comment"}
#: Three words in a row are a sentence for people.
PROSE = re.compile(r"[a-z]+ [a-z]+ [a-z]+")
#: The calls whose text is for people; the first argument of `FieldError` and all but the first of a log line are not.
TELLING = {"FieldError": slice(1, None), "debug": slice(1), "info": slice(1), "warning": slice(1), "error": slice(1)}


@dataclass(frozen=True, eq=False)
class Mutant:
    """One node of a module's tree and what stands in for it; `lines` are those of its statement.

    `in_function` is whether the statement runs when a function is called, and not when the module is imported.
    """

    path: Path
    tree: ast.Module
    parent: ast.AST
    field: str
    place: int | None
    node: ast.AST
    replacement: ast.AST
    lines: range
    in_function: bool

    @property
    def source(self) -> str:
        """The module's text with the defect."""
        self._set(self.replacement)
        try:
            return ast.unparse(ast.fix_missing_locations(self.tree))
        finally:
            self._set(self.node)

    def __str__(self) -> str:
        shown = self.parent if isinstance(self.parent, ast.expr | ast.keyword) else self.node
        before = _line(shown)
        self._set(self.replacement)
        after = _line(shown if shown is self.parent else self.replacement)
        self._set(self.node)
        return f"{self.path}:{getattr(self.node, 'lineno', self.lines[0])}: {before} → {after}"

    def _set(self, node: ast.AST) -> None:
        if self.place is None:
            setattr(self.parent, self.field, node)
        elif self.field == "keywords" and isinstance(self.replacement, ast.Pass):
            # An argument that is left out: the call has one fewer.
            getattr(self.parent, self.field)[self.place : self.place + (node is self.replacement)] = (
                [] if node is self.replacement else [node]
            )
        else:
            getattr(self.parent, self.field)[self.place] = node


def find_mutants(path: Path, text: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    tree = ast.parse(text)
    yield from _walk(path, tree, tree, range(1, 2), in_function=False)


def _walk(path: Path, tree: ast.Module, parent: ast.AST, lines: range, *, in_function: bool) -> Iterator[Mutant]:
    for field, place, node in _children(parent):
        span = _span(node) if isinstance(node, ast.stmt | ast.ExceptHandler) else lines
        inside = in_function or (isinstance(node, ast.stmt) and isinstance(parent, ast.FunctionDef))
        for replacement in _replacements(node, parent, field):
            yield Mutant(path, tree, parent, field, place, node, replacement, span, inside)
        yield from _walk(path, tree, node, span, in_function=inside)


def _children(parent: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    """The nodes under this one that say what the program does, each with its place."""
    for field, value in ast.iter_fields(parent):
        if field in UNTESTED:
            continue
        for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.AST) and not _is_untested(node) and not _is_wording(parent, field, place, node):
                yield field, place, node


def _is_untested(node: ast.AST) -> bool:
    """Whether this only speaks to type checkers, or is a docstring."""
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
        case ast.Expr(value=ast.Constant()) | ast.ImportFrom() | ast.Import():
            return True
        case ast.Call(func=ast.Name(id="cast" | "TypeVar")) | ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
    return False


def _is_wording(parent: ast.AST, field: str, place: int | None, node: ast.AST) -> bool:
    """Whether this is a text that only people read."""
    texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if not isinstance(node, ast.Constant | ast.JoinedStr) or not texts:
        return False
    if isinstance(parent, ast.Call) and field == "args" and place is not None:
        name = getattr(parent.func, "attr", getattr(parent.func, "id", ""))
        if place in range(100)[TELLING.get(name, slice(0))]:
            return True
    return bool(PROSE.search(" ".join(texts)))


def _span(node: ast.stmt | ast.ExceptHandler) -> range:
    """The lines of a statement without those of its body."""
    body = getattr(node, "body", None)
    last = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno
    return range(node.lineno, (last or node.lineno) + 1)


def _replacements(node: ast.AST, parent: ast.AST, field: str) -> Iterator[ast.AST]:
    if (swap := SWAPS.get(type(node))) is not None:
        yield swap()
    if not isinstance(parent, ast.JoinedStr | ast.FormattedValue):
        yield from _other_values(node)
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise():
            yield ast.Pass()
        case ast.keyword(arg=str()):
            yield ast.Pass()
            yield from _emptied(node, node.value)
        case ast.Return(value=ast.expr() as value) | ast.Assign(value=value):
            yield from _emptied(node, value)
    if field == "test" and not isinstance(node, ast.Compare | ast.UnaryOp) and isinstance(node, ast.expr):
        yield ast.UnaryOp(ast.Not(), node)


def _other_values(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(number) | float(number)):
            yield ast.Constant(number + 1)
        case ast.Constant(value=str(text)):
            yield ast.Constant(f"XX{text}")
        case ast.Constant(value=bytes(data)):
            yield ast.Constant(b"XX" + data)
        case ast.JoinedStr(values=values):
            yield ast.JoinedStr([ast.Constant("XX"), *values])


def _line(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:150]


def _emptied(node: ast.AST, value: ast.expr) -> Iterator[ast.AST]:
    """The same with None for its value."""
    if not isinstance(value, ast.Constant):
        emptied = copy(node)
        emptied.value = ast.Constant(None)  # type: ignore[attr-defined] # those of its kind have one
        yield emptied
