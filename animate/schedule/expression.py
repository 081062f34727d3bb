"""Expressions: `1.02 + 0.01*sin(2*pi*t/48)`, evaluated once over all frames.

An expression is parsed by `ast`, and every node and every name is held against a white list: numbers, the operators,
calls of listed functions, listed variables. What passes is written anew for numexpr, with all numbers and variables
bound under names of our own: nothing the user typed ever reaches numexpr, and numexpr folds no constants (it does so in
whole Python numbers, where `9**9**9` never ends). Our own functions are evaluated in numpy and bound as arrays.

Everything is float64; conditions are 1 and 0. Length, depth and constant powers are bounded before any computing.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animate.schedule.functions import FUNCTIONS, NUMEXPR

Array = NDArray[np.float64]

MAX_LENGTH = 10_000
MAX_NODES = 2_000
MAX_DEPTH = 120
MAX_EXPONENT = 10_000.0
"""Constant exponents beyond it only overflow; old files go up to 128."""

MAX_JOINED = 20

CONSTANTS = {"pi": math.pi, "e": math.e}
VARIABLES: dict[str, str] = {
    "t": "frame, from 0",
    "max_f": "the last frame, max_frames − 1",
    "s": "seed of the run",
    "fps": "frames a second",
    "sec": "seconds, t/fps",
    "bpm": "beats a minute",
    "beat": "beats, sec·bpm/60",
    "pi": "3.14159…",
    "e": "2.71828…",
    "W": "width in pixels",
    "H": "height in pixels",
}
"""Variables that every expression may use, with their meaning."""


class ExpressionError(ValueError):
    """What is wrong with an expression, and what would be right."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


@dataclass(frozen=True)
class Expression:
    """A checked expression."""

    text: str
    tree: ast.expr
    names: frozenset[str]
    """Variables it reads, constants apart."""
    curves: frozenset[str]
    """Curves it looks up by `at(curve, x)`."""
    constant: float | None
    """Its value, where nothing but numbers and operators occurs in it."""


Lookup = Callable[[str], "Array | float"]
"""A variable's values at the frames being evaluated; raises KeyError for a name it does not know."""
LookupAt = Callable[[str, Array], Array]
"""A curve's values at any frames."""


# --- parsing --------------------------------------------------------------------------------------------------------

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
}
_MEANT = {"−": "minus is -", "–": "minus is -", "×": "times is *", "·": "times is *", "÷": "divided by is /", "π": "pi"}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_REFUSED: dict[type[ast.AST], str] = {
    ast.Attribute: "a dot after a name",
    ast.Subscript: "square brackets",
    ast.List: "a list",
    ast.Tuple: "a comma outside a function",
    ast.Dict: "braces",
    ast.Set: "braces",
    ast.Lambda: "lambda",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.NamedExpr: "an assignment",
    ast.JoinedStr: "a string",
    ast.Starred: "a star before a name",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.Slice: "a slice",
}


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """The expression, checked. Raises ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression has {len(text):,} characters", f"at most {MAX_LENGTH:,}")
    flat = " ".join(text.split())
    if not flat:
        raise ExpressionError("the expression is empty")
    if not flat.isascii():
        strange = next(sign for sign in flat if not sign.isascii())
        raise ExpressionError(f"{strange!r} cannot stand in an expression", _MEANT.get(strange, ""))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(flat, mode="eval").body
    except (RecursionError, MemoryError):
        raise ExpressionError("the expression is nested too deeply", f"at most {MAX_DEPTH} levels") from None
    except (SyntaxError, ValueError) as error:
        raise ExpressionError(*_syntax(flat, error)) from None
    names: set[str] = set()
    curves: set[str] = set()
    _check(tree, names, curves)
    constant = _fold(tree) if not names and not curves else None
    return Expression(text=text, tree=tree, names=frozenset(names), curves=frozenset(curves), constant=constant)


def _syntax(text: str, error: Exception) -> tuple[str, str]:
    if text.count("(") != text.count(")"):
        return "brackets do not match", ""
    if "^" in text and "**" not in text:
        return "is not an expression", "a power is written x**2"
    message = error.msg if isinstance(error, SyntaxError) else "holds a character that cannot stand there"
    where = f" at character {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
    return f"is not an expression: {message}{where}".replace("invalid syntax.", "invalid syntax"), ""


def _check(tree: ast.expr, names: set[str], curves: set[str]) -> None:
    """Hold every node against the white list, with a stack of our own so that depth costs nothing."""
    stack: list[tuple[ast.expr, int]] = [(tree, 1)]
    count = 0
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MAX_NODES:
            raise ExpressionError("the expression is too long", f"at most {MAX_NODES:,} numbers, names and operators")
        if depth > MAX_DEPTH:
            raise ExpressionError("the expression is nested too deeply", f"at most {MAX_DEPTH} levels")
        stack.extend((child, depth + 1) for child in _children(node, names, curves))


def _children(node: ast.expr, names: set[str], curves: set[str]) -> Iterator[ast.expr]:
    match node:
        case ast.Constant(value=value):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ExpressionError(f"{str(value)[:40]!r} is not a number")
            try:
                float(value)
            except OverflowError:
                raise ExpressionError("holds a number too large to compute with") from None
        case ast.Name(id=name):
            if name not in CONSTANTS:
                names.add(name)
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            _needs_conditions("~", operand)
            yield operand
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.BinOp(op=op, left=left, right=right):
            if type(op) is ast.BitXor:
                raise ExpressionError("^ is not a power here", "write x**2")
            if type(op) not in _BINARY:
                raise ExpressionError("an operator that is not part of the language", "+ - * / // % ** & |")
            if isinstance(op, ast.Pow) and abs(_fold(right) or 0.0) > MAX_EXPONENT:
                raise ExpressionError("the power is too large", f"exponents up to {MAX_EXPONENT:,.0f}")
            if isinstance(op, ast.BitAnd | ast.BitOr):
                _needs_conditions(_BINARY[type(op)], left, right)
            yield left
            yield right
        case ast.BoolOp(values=values):
            if len(values) > MAX_JOINED:
                raise ExpressionError(f"joins more than {MAX_JOINED} conditions at once", "put some in brackets")
            yield from values
        case ast.Compare(ops=ops, left=left, comparators=comparators):
            if any(type(op) not in _COMPARE for op in ops):
                raise ExpressionError("a comparison that is not part of the language", "< <= > >= == !=")
            if len(comparators) > MAX_JOINED:
                raise ExpressionError(f"chains more than {MAX_JOINED} comparisons")
            yield left
            yield from comparators
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield from (test, body, orelse)
        case ast.Call():
            yield from _called(node, curves)
        case ast.Tuple(elts=[]):
            raise ExpressionError("the expression is empty")
        case _:
            raise ExpressionError(f"{_REFUSED.get(type(node), 'this')} is not part of the language")


def _needs_conditions(sign: str, *operands: ast.expr) -> None:
    """Between numbers these signs would mean bits, which float64 does not have."""
    for operand in operands:
        joined = isinstance(operand, ast.BinOp) and isinstance(operand.op, ast.BitAnd | ast.BitOr)
        negated = isinstance(operand, ast.UnaryOp) and isinstance(operand.op, ast.Not | ast.Invert)
        if not (joined or negated or isinstance(operand, ast.Compare | ast.BoolOp)):
            raise ExpressionError(
                f"{sign} joins conditions, not numbers", "(t > 8) & (t < 16); mod(t, 2) for odd frames"
            )


def _called(node: ast.Call, curves: set[str]) -> Iterator[ast.expr]:
    if not isinstance(node.func, ast.Name):
        raise ExpressionError("only listed functions can be called")
    name, given = node.func.id, len(node.args)
    if any(isinstance(argument, ast.Starred) for argument in node.args) or any(k.arg is None for k in node.keywords):
        raise ExpressionError("a star before an argument is not part of the language")
    if name == "at":
        if given != 2 or node.keywords or not isinstance(node.args[0], ast.Name):
            raise ExpressionError("at takes a curve's name and a frame", "at(zoom, t - 1)")
        curves.add(node.args[0].id)
        yield node.args[1]
        return
    if name in NUMEXPR:
        if given != NUMEXPR[name] or node.keywords:
            wanted = NUMEXPR[name]
            raise ExpressionError(
                f"{name} takes {wanted} argument{'s' * (wanted > 1)}, not {given + len(node.keywords)}"
            )
        yield from node.args
        return
    known = FUNCTIONS.get(name)
    if known is None:
        near = get_close_matches(name, [*FUNCTIONS, *NUMEXPR, "at"], 1)
        raise ExpressionError(f"there is no function {name[:40]!r}", f"did you mean {near[0]}?" if near else "")
    keywords = [str(keyword.arg) for keyword in node.keywords]
    missing = set(known.parameters[given : known.required]) - set(keywords)
    repeated = set(keywords) & set(known.parameters[:given])
    if known.variadic:
        wrong = given < 1 or bool(keywords)
    else:
        wrong = given > len(known.parameters) or bool(missing or repeated or set(keywords) - set(known.parameters))
    if wrong:
        raise ExpressionError(f"{name} is not called like that", known.usage)
    yield from node.args
    yield from (keyword.value for keyword in node.keywords)


def _fold(tree: ast.expr) -> float | None:
    """Value of a tree of plain numbers and arithmetic; None if anything else occurs in it. Never large, never slow."""
    match tree:
        case ast.Constant(value=value) if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:
                return math.inf
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _fold(operand)
            return None if inner is None else -inner
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _fold(operand)
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _BINARY:
            a = _fold(left)
            b = _fold(right) if a is not None else None
            return None if a is None or b is None else _arithmetic(_BINARY[type(op)], a, b)
    return None


def _arithmetic(sign: str, a: float, b: float) -> float | None:
    try:
        match sign:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "/":
                return a / b
            case "//":
                return float(a // b)
            case "%":
                return a % b
            case "**":
                power = a**b
                return power if isinstance(power, float) else math.nan
    except OverflowError:
        return math.inf
    except ZeroDivisionError:
        return math.nan if a == 0 or sign != "/" else math.copysign(math.inf, a)
    return None


# --- evaluation -----------------------------------------------------------------------------------------------------


def evaluate(expression: Expression, frames: Array, lookup: Lookup, lookup_at: LookupAt) -> Array:
    """(n,) float64 values at `frames`; NaN and infinities are left for the caller to judge.

    Raises ExpressionError for unknown names and for what the arguments of a function forbid.
    """
    if expression.constant is not None:
        return np.full(len(frames), expression.constant)
    try:
        with np.errstate(all="ignore"):
            return _Evaluation(frames, lookup, lookup_at).array(expression.tree)
    except (RecursionError, MemoryError):
        raise ExpressionError("the expression is nested too deeply", f"at most {MAX_DEPTH} levels") from None


class _Inputs:
    """What one call of numexpr is given: arrays and numbers under names of our own, equal ones once."""

    def __init__(self, shallow: bool) -> None:
        self.values: dict[str, Any] = {}
        self.shallow = shallow
        """Operands are evaluated on their own and bound, because all of it at once would be too many inputs."""
        self._names: dict[object, str] = {}

    def bind(self, value: Any, key: object = None) -> str:
        if key is not None and key in self._names:
            return self._names[key]
        name = f"x{len(self.values)}"
        self.values[name] = value
        if key is not None:
            self._names[key] = name
        return name


MAX_INPUTS = 24
"""numexpr takes 31 on numpy 1 (NPY_MAXARGS = 32), some of which `where` around conditions needs."""


class _Evaluation:
    """One pass over a tree: writes numexpr's text and binds what it refers to."""

    def __init__(self, frames: Array, lookup: Lookup, lookup_at: LookupAt) -> None:
        self.frames, self.lookup, self.lookup_at = frames, lookup, lookup_at

    def array(self, tree: ast.expr) -> Array:
        """(n,) values of a subtree."""
        n = len(self.frames)
        if (folded := _fold(tree)) is not None:
            return np.full(n, folded)
        inputs = _Inputs(shallow=_leaves(tree) > MAX_INPUTS)
        text, is_condition = self._write(tree, inputs)
        if text in inputs.values:  # nothing but one name or one call of ours
            found = np.asarray(inputs.values[text])
        else:
            found = _numexpr(text, inputs.values)
        if is_condition:
            found = found.astype(np.float64)
        if np.iscomplexobj(found):
            bad = np.broadcast_to(found.imag != 0, (n,))
            if bad.any():
                raise ExpressionError(f"is complex at frame {self.frames[np.argmax(bad)]:.0f}")
            found = found.real
        return np.broadcast_to(np.asarray(found, dtype=np.float64), (n,))

    def _number(self, tree: ast.expr, inputs: _Inputs) -> str:
        if inputs.shallow:
            return inputs.bind(self.array(tree))
        text, is_condition = self._write(tree, inputs)
        return f"where({text}, {inputs.bind(1.0, 1.0)}, {inputs.bind(0.0, 0.0)})" if is_condition else text

    def _condition(self, tree: ast.expr, inputs: _Inputs) -> str:
        text, is_condition = (self._number(tree, inputs), False) if inputs.shallow else self._write(tree, inputs)
        return text if is_condition else f"({text} != {inputs.bind(0.0, 0.0)})"

    def _write(self, tree: ast.expr, inputs: _Inputs) -> tuple[str, bool]:
        """Text for numexpr, and whether it is a condition."""
        number, condition = self._number, self._condition
        match tree:
            case ast.Constant(value=value):
                return inputs.bind(float(value), float(value)), False  # type: ignore[arg-type]
            case ast.Name(id=name):
                return inputs.bind(CONSTANTS[name] if name in CONSTANTS else self.lookup(name), name), False
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
                return f"(~{condition(operand, inputs)})", True
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"(-{number(operand, inputs)})", False
            case ast.UnaryOp(operand=operand):
                return number(operand, inputs), False
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr() as op, left=left, right=right):
                return f"({condition(left, inputs)} {_BINARY[type(op)]} {condition(right, inputs)})", True
            case ast.BinOp(op=ast.FloorDiv(), left=left, right=right):
                return f"floor({number(left, inputs)} / {number(right, inputs)})", False
            case ast.BinOp(op=op, left=left, right=right):
                return f"({number(left, inputs)} {_BINARY[type(op)]} {number(right, inputs)})", False
            case ast.BoolOp(op=op, values=values):
                sign = " & " if isinstance(op, ast.And) else " | "
                return f"({sign.join(condition(value, inputs) for value in values)})", True
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                sides = [number(side, inputs) for side in (left, *comparators)]
                pairs = [f"({a} {_COMPARE[type(op)]} {b})" for a, op, b in zip(sides, ops, sides[1:])]
                return f"({' & '.join(pairs)})", True
            case (
                ast.IfExp(test=test, body=body, orelse=orelse)
                | ast.Call(func=ast.Name(id="where"), args=[test, body, orelse])
            ):
                return f"where({condition(test, inputs)}, {number(body, inputs)}, {number(orelse, inputs)})", False
            case ast.Call(func=ast.Name(id=name), args=args) if name in NUMEXPR:
                return f"{name}({', '.join(number(argument, inputs) for argument in args)})", False
            case ast.Call():
                return inputs.bind(self._own(tree)), False
        raise ExpressionError("this is not part of the language")

    def _own(self, call: ast.Call) -> Array:
        name = call.func.id  # type: ignore[attr-defined]
        if name == "at":
            return self.lookup_at(call.args[0].id, self.array(call.args[1]))  # type: ignore[attr-defined]
        function = FUNCTIONS[name]
        args = [self.array(argument) for argument in call.args]
        keywords = {str(keyword.arg): self.array(keyword.value) for keyword in call.keywords}
        try:
            return np.asarray(function.compute(*([self.frames] if function.timed else []), *args, **keywords))
        except ValueError as error:
            raise ExpressionError(f"{name}: {error}", function.usage) from None


def _leaves(tree: ast.expr) -> int:
    """Distinct inputs that numexpr would need for a tree; each call of our own functions is one."""
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


def _numexpr(text: str, bound: dict[str, Any]) -> NDArray[Any]:
    import numexpr  # 25 ms that a schedule of plain numbers need not pay

    try:
        return numexpr.evaluate(text, local_dict=bound, global_dict={})
    except (NotImplementedError, TypeError, ValueError) as error:
        # Only complex() gets here: conditions and whole numbers are typed above.
        raise ExpressionError(f"cannot be evaluated: {error}") from None


IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


def near(name: str, known: Iterator[str] | list[str]) -> str:
    """Hint with the nearest known name; "" if none is near."""
    found = get_close_matches(name, list(known), 1)
    return f"did you mean {found[0]}?" if found else ""
