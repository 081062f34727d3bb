"""Formulas: a checked expression, written for numexpr once and evaluated over whole arrays of frames.

Numbers, variables and calls of our own functions are inputs under names of our own (`x0`, `x1` …), so nothing the user
typed ever reaches numexpr, and numexpr folds no constants (it does so in whole Python numbers, where `9**9**9` never
ends). Expressions that differ in their numbers only share one text, and numexpr compiles it once.

Everything is float64; conditions are 1 and 0 wherever a number is wanted.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animate.schedule import expression
from animate.schedule.expression import BINARY, COMPARE, CONSTANTS, MAX_DEPTH, Expression, ExpressionError, fold
from animate.schedule.functions import FUNCTIONS, NUMEXPR

Array = NDArray[np.float64]
Lookup = Callable[[str], "Array | float"]
"""A variable's values at the frames being evaluated. Raises ExpressionError for a name it does not know."""
LookupAt = Callable[[str, Array], Array]
"""A curve's values at any frames. Raises ExpressionError likewise."""

MAX_INPUTS = 24
"""numexpr takes 31 on numpy 1 (NPY_MAXARGS = 32); conditions used as numbers need two more."""


@dataclass(frozen=True)
class Call:
    """A call of one of our own functions, or `at`."""

    name: str
    arguments: tuple[Formula, ...]
    keywords: tuple[tuple[str, Formula], ...] = ()
    curve: str = ""
    """The curve that `at` looks into."""


@dataclass(frozen=True)
class Formula:
    """What numexpr is asked."""

    text: str
    inputs: tuple[float | str | Call | Formula, ...]
    """What `x0`, `x1` … are: a number, a variable, a call, or another formula."""


def evaluate(of: Expression, frames: Array, lookup: Lookup, lookup_at: LookupAt) -> Array:
    """(n,) float64 values at `frames` (n,); NaN and infinities are left for the caller to judge.

    Raises ExpressionError for unknown names and for what the arguments of a function forbid.
    """
    if of.constant is not None:
        return np.full(len(frames), of.constant)
    try:
        with np.errstate(all="ignore"):
            return _values(written(of.text), frames, lookup, lookup_at)
    except (RecursionError, MemoryError):
        raise ExpressionError("the expression is nested too deeply", f"at most {MAX_DEPTH} levels") from None


def _values(formula: Formula, frames: Array, lookup: Lookup, lookup_at: LookupAt) -> Array:
    bound: dict[str, Any] = {}
    for index, source in enumerate(formula.inputs):
        match source:
            case float():
                value: Any = source
            case str():
                value = lookup(source)
            case Formula():
                value = _values(source, frames, lookup, lookup_at)
            case Call():
                value = _called(source, frames, lookup, lookup_at)
        bound[f"x{index}"] = value
    found = np.asarray(bound[formula.text]) if formula.text in bound else _numexpr(formula.text, bound)
    if np.iscomplexobj(found):
        bad = np.broadcast_to(found.imag != 0, frames.shape)
        if bad.any():
            raise ExpressionError(f"is complex at frame {frames[np.argmax(bad)]:.0f}")
        found = found.real
    found = found.astype(np.float64, copy=False)  # conditions become 1 and 0
    return found if found.shape == frames.shape else np.broadcast_to(found, frames.shape)


def _called(call: Call, frames: Array, lookup: Lookup, lookup_at: LookupAt) -> Array:
    arguments = [_values(argument, frames, lookup, lookup_at) for argument in call.arguments]
    if call.curve:
        return lookup_at(call.curve, arguments[0])
    function = FUNCTIONS[call.name]
    keywords = {name: _values(argument, frames, lookup, lookup_at) for name, argument in call.keywords}
    try:
        return np.asarray(function.compute(*([frames] if function.timed else []), *arguments, **keywords))
    except ValueError as error:
        raise ExpressionError(f"{call.name}: {error}", function.usage) from None


def _numexpr(text: str, bound: dict[str, Any]) -> NDArray[Any]:
    import numexpr  # 25 ms that a schedule of plain numbers need not pay

    try:
        return numexpr.evaluate(text, local_dict=bound, global_dict={})
    except (NotImplementedError, TypeError, ValueError) as error:
        # Only complex() gets here: conditions and numbers are told apart below.
        raise ExpressionError(f"cannot be evaluated: {error}") from None


# --- writing --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def written(text: str) -> Formula:
    """The formula of an expression's text. Raises ExpressionError."""
    return _formula(expression.parse(text).tree)


def _formula(tree: ast.expr) -> Formula:
    folded = fold(tree)
    if folded is not None:
        return Formula("x0", (folded,))
    writer = _Writer(shallow=_count_inputs(tree) > MAX_INPUTS)
    text, _ = writer.write(tree)
    return Formula(text, tuple(writer.inputs))


class _Writer:
    """Writes one formula; equal numbers and names are one input."""

    def __init__(self, shallow: bool) -> None:
        self.shallow = shallow
        """Operands become formulas of their own, because all of it at once would be too many inputs."""
        self.inputs: list[float | str | Call | Formula] = []

    def bind(self, source: float | str | Call | Formula) -> str:
        if isinstance(source, float | str) and source in self.inputs:
            return f"x{self.inputs.index(source)}"
        self.inputs.append(source)
        return f"x{len(self.inputs) - 1}"

    def number(self, tree: ast.expr) -> str:
        """Text of a subtree whose value is wanted."""
        text, is_condition = (self.bind(_formula(tree)), False) if self.shallow else self.write(tree)
        return f"where({text}, {self.bind(1.0)}, {self.bind(0.0)})" if is_condition else text

    def condition(self, tree: ast.expr) -> str:
        """Text of a subtree that is asked for yes or no."""
        text, is_condition = (self.number(tree), False) if self.shallow else self.write(tree)
        return text if is_condition else f"({text} != {self.bind(0.0)})"

    def write(self, tree: ast.expr) -> tuple[str, bool]:
        """Text of a subtree, and whether it is a condition."""
        number, condition = self.number, self.condition
        match tree:
            case ast.Constant(value=value):
                return self.bind(float(value)), False  # type: ignore[arg-type]
            case ast.Name(id=name):
                return self.bind(CONSTANTS.get(name, name)), False
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
                return f"(~{condition(operand)})", True
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"(-{number(operand)})", False
            case ast.UnaryOp(operand=operand):
                return number(operand), False
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr() as op, left=left, right=right):
                return f"({condition(left)} {BINARY[type(op)]} {condition(right)})", True
            case ast.BinOp(op=ast.FloorDiv(), left=left, right=right):
                return f"floor({number(left)} / {number(right)})", False
            case ast.BinOp(op=ast.LShift(), left=left, right=right):  # bits of whole numbers, which floats do not have
                return f"({number(left)} * {self.bind(2.0)} ** {number(right)})", False
            case ast.BinOp(op=ast.RShift(), left=left, right=right):
                return f"floor({number(left)} / {self.bind(2.0)} ** {number(right)})", False
            case ast.BinOp(op=op, left=left, right=right):
                return f"({number(left)} {BINARY[type(op)]} {number(right)})", False
            case ast.BoolOp(op=op, values=values):
                sign = " & " if isinstance(op, ast.And) else " | "
                return f"({sign.join(condition(value) for value in values)})", True
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                sides = [number(side) for side in (left, *comparators)]
                pairs = [f"({a} {COMPARE[type(op)]} {b})" for a, op, b in zip(sides, ops, sides[1:])]
                return f"({' & '.join(pairs)})", True
            case (
                ast.IfExp(test=test, body=body, orelse=orelse)
                | ast.Call(func=ast.Name(id="where"), args=[test, body, orelse])
            ):
                return f"where({condition(test)}, {number(body)}, {number(orelse)})", False
            case ast.Call(func=ast.Name(id=name), args=args) if name in NUMEXPR:
                return f"{name}({', '.join(number(argument) for argument in args)})", False
            case ast.Call(func=ast.Name(id="at"), args=[ast.Name(id=name), argument]):
                return self.bind(Call("at", (_formula(argument),), curve=name)), False
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                arguments = tuple(_formula(argument) for argument in args)
                named = tuple((str(keyword.arg), _formula(keyword.value)) for keyword in keywords)
                return self.bind(Call(name, arguments, named)), False
        raise ExpressionError("this is not part of the language")


def _count_inputs(tree: ast.expr) -> int:
    """Inputs that one formula for a tree would have."""
    found: set[object] = set()
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        match node:
            case ast.Constant(value=value):
                found.add(value)
            case ast.Name(id=name):
                found.add(name)
            case ast.Call(func=ast.Name(id=name)) if name not in NUMEXPR:
                found.add(id(node))
            case ast.Call(args=args):
                stack.extend(args)
            case _:
                stack.extend(ast.iter_child_nodes(node))
    return len(found)
