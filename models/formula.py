"""Formulas of indicators: small arithmetic over named series, parsed with `ast`, never evaluated by Python.

Allowed are numbers, names of series, `+ - * /`, a minus before a term, brackets, `name[t]` and `name[t-k]`
(the figure k periods earlier), and the functions of FUNCTIONS over the classes of a series. Everything else
is refused.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import MittaristoError, printable

Array = NDArray[np.float64]

MAX_LENGTH = 500
MAX_DEPTH = 40
MAX_LAG = 60

_ALLOWED = (
    "allowed are numbers, names, + - * /, brackets, name[t], name[t-1], sum(name), duncan_index(name, name)"
)
_CHARACTERS = re.compile(r"[A-Za-z0-9_ .+\-*/()\[\],]*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class FormulaError(MittaristoError):
    """A formula that does not parse, or that uses what formulas may not use."""


@dataclass(frozen=True)
class Formula:
    """A parsed formula: its text, the names it reads, and how many periods back each is read at most."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]
    lags: Mapping[str, int]


def _sum(series: Array) -> Array:
    """The sum over the classes, NaN where any class has none."""
    total: Array = series.sum(axis=0)
    return total


def _duncan_index(first: Array, second: Array) -> Array:
    """Duncan's index of dissimilarity, 0-100, of two series over the same classes.

    NaN where any class has none.
    """
    if first.shape[0] != second.shape[0]:
        raise FormulaError(
            f"duncan_index compares {first.shape[0]} with {second.shape[0]} classes; give both the same"
        )
    index: Array = 50 * np.abs(first / first.sum(axis=0) - second / second.sum(axis=0)).sum(axis=0)
    return index


FUNCTIONS: Mapping[str, Callable[..., Array]] = {"sum": _sum, "duncan_index": _duncan_index}
_ARGUMENTS = {"sum": 1, "duncan_index": 2}


def parse_formula(text: str) -> Formula:
    """`text` parsed and checked. Raises FormulaError saying which part is not allowed, and what is."""
    shown = printable(" ".join(text.split())[:80])
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"formula '{shown}…' is longer than {MAX_LENGTH} characters; make it shorter")
    compact = " ".join(text.split(" ")).strip(" ")
    end = _CHARACTERS.match(compact)
    if end is None or end.end() != len(compact):
        wrong = compact[end.end() if end else 0]
        raise FormulaError(f"formula '{shown}': {wrong!r} is not allowed; {_ALLOWED}")
    for word in _WORD.findall(compact):
        if keyword.iskeyword(word):
            raise FormulaError(
                f"formula '{shown}': '{word}' is a reserved word; give the series another name"
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the parser, about texts that are refused below anyway
            tree = ast.parse(compact, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise FormulaError(f"formula '{shown}' does not parse; {_ALLOWED}") from error
    _check(tree, shown, 0)
    lags: dict[str, int] = {}
    for name, lag, _ in _reads(tree):
        lags[name] = max(lag, lags.get(name, 0))
    if not lags:
        raise FormulaError(f"formula '{shown}' reads no series; name at least one")
    return Formula(compact, tree, tuple(lags), lags)


def _part(node: ast.AST) -> str:
    """A part of a formula as text, shortened."""
    try:
        return ast.unparse(node)[:40]
    except RecursionError:
        return "a part nested too deep"


def _refuse(node: ast.AST, shown: str) -> FormulaError:
    return FormulaError(f"formula '{shown}': '{_part(node)}' is not allowed; {_ALLOWED}")


def _check(node: ast.expr, shown: str, depth: int) -> None:
    """Raise FormulaError unless `node` and all below it are allowed."""
    if depth > MAX_DEPTH:
        raise FormulaError(f"formula '{shown}' is nested deeper than {MAX_DEPTH}; make it simpler")
    match node:
        case ast.Constant(value=value) if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                finite = bool(np.isfinite(float(value)))
            except OverflowError:
                finite = False
            if not finite:
                raise FormulaError(f"formula '{shown}': a number is too large; {_ALLOWED}")
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as op, right=right):
            _check(left, shown, depth + 1)
            _check(right, shown, depth + 1)
            if isinstance(op, ast.Div) and not any(True for _ in _reads(right)):
                divisor = _value(right, {})
                if not np.isfinite(divisor) or divisor == 0:
                    raise FormulaError(f"formula '{shown}' divides by '{_part(right)}', which is zero")
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check(operand, shown, depth + 1)
        case ast.Name() | ast.Subscript():
            _check_series(node, shown)
        case ast.Call(func=ast.Name(id=function), args=args, keywords=[]) if function in FUNCTIONS:
            if len(args) != _ARGUMENTS[function]:
                raise FormulaError(
                    f"formula '{shown}': {function} takes {_ARGUMENTS[function]} series, not {len(args)}"
                )
            for argument in args:
                _check_series(argument, shown)
        case _:
            raise _refuse(node, shown)


def _check_series(node: ast.expr, shown: str) -> None:
    """Raise FormulaError unless `node` is name, name[t] or name[t-k]."""
    match node:
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)):
            if name == "t" or name in FUNCTIONS or not _NAME.fullmatch(name):
                raise FormulaError(
                    f"formula '{shown}': '{name}' cannot name a series; "
                    "use small letters, digits and _, and neither t nor a function's name"
                )
        case _:
            raise _refuse(node, shown)
    if isinstance(node, ast.Subscript):
        match node.slice:
            case ast.Name(id="t"):
                pass
            case ast.BinOp(left=ast.Name(id="t"), op=ast.Sub(), right=ast.Constant(value=int(lag))) if (
                not isinstance(lag, bool) and 0 <= lag <= MAX_LAG
            ):
                pass
            case _:
                raise FormulaError(
                    f"formula '{shown}': '{_part(node)}' is no earlier figure; "
                    f"write name[t] or name[t-1] up to name[t-{MAX_LAG}]"
                )


def _series(node: ast.expr) -> tuple[str, int]:
    """The name and the lag that an allowed Name or Subscript reads."""
    match node:
        case ast.Name(id=name):
            return name, 0
        case ast.Subscript(value=ast.Name(id=name), slice=ast.BinOp(right=ast.Constant(value=int(lag)))):
            return name, lag
        case ast.Subscript(value=ast.Name(id=name)):
            return name, 0
    raise FormulaError(f"'{_part(node)}' names no series; {_ALLOWED}")


def _reads(node: ast.expr, inside: bool = False) -> Iterator[tuple[str, int, bool]]:
    """Each series read under `node` with its lag, and whether it stands inside a function."""
    match node:
        case ast.BinOp(left=left, right=right):
            yield from _reads(left, inside)
            yield from _reads(right, inside)
        case ast.UnaryOp(operand=operand):
            yield from _reads(operand, inside)
        case ast.Call(args=args):
            for argument in args:
                yield from _reads(argument, True)
        case ast.Name() | ast.Subscript():
            yield (*_series(node), inside)


def reads(formula: Formula) -> tuple[tuple[str, int], ...]:
    """The (name, periods back) pairs the formula reads, each once, in the order of the text."""
    return tuple(dict.fromkeys((name, lag) for name, lag, _ in _reads(formula.tree)))


def matrix_names(formula: Formula) -> frozenset[str]:
    """The names read outside a function; their series must have exactly one class."""
    return frozenset(name for name, _, inside in _reads(formula.tree) if not inside)


def is_plain(formula: Formula) -> bool:
    """Whether the formula is one series as it stands, with no arithmetic and no lag."""
    return isinstance(formula.tree, ast.Name | ast.Subscript) and formula.lags[formula.names[0]] == 0


def evaluate(formula: Formula, series: Mapping[str, Array]) -> Array:
    """The formula over aligned series: each (classes, periods), the result (periods,), NaN where it has none.

    Axes between the first and the last (areas, say) are kept: (classes, areas, periods) gives (areas,
    periods). The periods must follow one another without gaps, since name[t-1] reads the column before. A
    division by zero gives NaN, and so does what overflows. Raises FormulaError where a series is missing,
    has another shape than the others, or has several classes and is read outside a function.
    """
    shape: tuple[int, ...] | None = None
    single = matrix_names(formula)
    for name in formula.names:
        if name not in series:
            raise FormulaError(f"formula '{formula.text}' reads '{name}', which is not given")
        array = series[name]
        if array.ndim < 2:
            raise FormulaError(f"series '{name}' must have the axes classes and periods")
        if name in single and array.shape[0] != 1:
            raise FormulaError(
                f"formula '{formula.text}' reads '{name}' as one series, but it has "
                f"{array.shape[0]} classes; write sum({name}) or take one class"
            )
        if shape is not None and array.shape[1:] != shape:
            raise FormulaError(
                f"formula '{formula.text}': its series do not cover the same areas and periods"
            )
        shape = array.shape[1:]
    with np.errstate(all="ignore"):
        result = _value(formula.tree, series)
    return np.array(np.broadcast_to(result, shape or ()), dtype=np.float64)


def _lagged(array: Array, lag: int) -> Array:
    if lag == 0:
        return array
    moved = np.full_like(array, np.nan)
    moved[..., lag:] = array[..., :-lag]
    return moved


def _finite(array: Array) -> Array:
    return np.where(np.isfinite(array), array, np.nan)


def _value(node: ast.expr, series: Mapping[str, Array]) -> Array:
    """The value of an allowed node; infinities have become NaN."""
    match node:
        case ast.Constant(value=value):
            return np.float64(value)  # type: ignore[arg-type, return-value]
        case ast.UnaryOp(operand=operand):
            return -_value(operand, series)
        case ast.BinOp(left=left, op=op, right=right):
            first, second = _value(left, series), _value(right, series)
            with np.errstate(all="ignore"):
                match op:
                    case ast.Add():
                        return _finite(first + second)
                    case ast.Sub():
                        return _finite(first - second)
                    case ast.Mult():
                        return _finite(first * second)
                    case _:
                        return _finite(first / second)
        case ast.Call(func=ast.Name(id=function), args=args):
            arrays = [_lagged(series[name], lag) for name, lag in map(_series, args)]
            return _finite(FUNCTIONS[function](*arrays))
        case _:
            name, lag = _series(node)
            return _finite(_lagged(series[name][0], lag))
