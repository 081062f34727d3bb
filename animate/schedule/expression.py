"""Expressions: `1.02 + 0.01*sin(2*pi*t/48)`, read and checked; `formula.py` evaluates them.

An expression is parsed by `ast`, and every node and every name is held against a white list: numbers, the operators,
calls of listed functions, names. Length, depth and constant powers are bounded before anything is computed: nothing an
expression says can run code, read a file or hang.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from animate.errors import near
from animate.schedule.functions import FUNCTIONS, NUMEXPR

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


# --- parsing --------------------------------------------------------------------------------------------------------

BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
}
_MEANT = {"−": "minus is -", "–": "minus is -", "×": "times is *", "·": "times is *", "÷": "divided by is /", "π": "pi"}
COMPARE: dict[type[ast.cmpop], str] = {
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
    flat = " ".join(_uncommented(text).split())
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
    _check_powers(tree)
    constant = fold(tree) if not names and not curves else None
    return Expression(text=text, tree=tree, names=frozenset(names), curves=frozenset(curves), constant=constant)


def _uncommented(text: str) -> str:
    """A text without its comments, which end with their lines; in a single line one would hide what follows it."""
    lines = text.strip().splitlines()
    if "#" in text and len(lines) == 1:
        raise ExpressionError(
            "# hides what follows it", "close the quotes before it; lines under | may each have a comment"
        )
    return " ".join(line.partition("#")[0] for line in lines)


def _syntax(text: str, error: Exception) -> tuple[str, str]:
    if text.count("(") != text.count(")"):
        return "brackets do not match", ""
    if "^" in text and "**" not in text:
        return "is not an expression", "a power is written x**2"
    message = error.msg if isinstance(error, SyntaxError) else "holds a character that cannot stand there"
    message = message.partition(". Perhaps")[0]  # what Python would have written is not part of the language
    where = f" at character {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
    return f"is not an expression: {message}{where}", ""


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


def _check_powers(tree: ast.expr) -> None:
    """Bound constant exponents; only once the depth is known, for `fold` calls itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and abs(fold(node.right) or 0.0) > MAX_EXPONENT:
            raise ExpressionError("the power is too large", f"exponents up to {MAX_EXPONENT:,.0f}")


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
            if type(op) not in BINARY:
                raise ExpressionError("an operator that is not part of the language", "+ - * / // % ** << >> & |")
            if isinstance(op, ast.BitAnd | ast.BitOr):
                _needs_conditions(BINARY[type(op)], left, right)
            yield left
            yield right
        case ast.BoolOp(values=values):
            if len(values) > MAX_JOINED:
                raise ExpressionError(f"joins more than {MAX_JOINED} conditions at once", "put some in brackets")
            yield from values
        case ast.Compare(ops=ops, left=left, comparators=comparators):
            if any(type(op) not in COMPARE for op in ops):
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
        wanted = NUMEXPR[name]
        if node.keywords:
            raise ExpressionError(f"{name} takes its argument{'s' * (wanted > 1)} without names")
        if given != wanted:
            raise ExpressionError(f"{name} takes {wanted} argument{'s' * (wanted > 1)}, not {given}")
        yield from node.args
        return
    known = FUNCTIONS.get(name)
    if known is None:
        raise ExpressionError(f"there is no function {name[:40]!r}", near(name, [*FUNCTIONS, *NUMEXPR, "at"]))
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


def fold(tree: ast.expr) -> float | None:
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
            inner = fold(operand)
            return None if inner is None else -inner
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return fold(operand)
        case ast.BinOp(op=op, left=left, right=right) if type(op) in BINARY:
            a = fold(left)
            b = fold(right) if a is not None else None
            return None if a is None or b is None else _arithmetic(BINARY[type(op)], a, b)
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
                share = a / b  # floored as numexpr does it beside t: 1 // 0.1 is 10, and not Python's 9
                return float(math.floor(share)) if math.isfinite(share) else share
            case "%":
                return a % b
            case "**":
                power = a**b
                return power if isinstance(power, float) else math.nan
            case "<<":
                return a * 2.0**b
            case ">>":
                return _arithmetic("//", a, 2.0**b)
    except OverflowError:
        return math.inf
    except ZeroDivisionError:
        return math.nan if a == 0 or sign not in ("/", "//") else math.copysign(math.inf, a)
    return None


IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
