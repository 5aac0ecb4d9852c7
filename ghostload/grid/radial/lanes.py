"""Eight steps side by side in one register: a numba type for ``<8 x double>`` and the few operations that sweeps need.

Every operation is lane by lane and rounds in one way only: products and sums are fused where :func:`fma` and
:func:`fms` say so and nowhere else. So a result depends neither on which steps share a register, nor on the place in
it, nor on how steps are shared among threads; and NaN and infinity keep their meaning.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

WIDTH = 8
"""Steps in one register."""

_VECTOR = ir.VectorType(ir.DoubleType(), WIDTH)


class LaneType(types.Type):  # type: ignore[misc]
    """The numba type of eight float64 lanes."""

    def __init__(self) -> None:
        super().__init__(name="float64x8")


LANES = LaneType()


@register_model(LaneType)
class _LaneModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


@intrinsic  # type: ignore[untyped-decorator]
def address(_typing: Any, array: Any) -> Any:
    """Return where an array begins. Inner functions take this number: an array would be counted."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.ptrtoint(data, ir.IntType(64))

    return types.intp(array), generate


def _place(builder: Any, begin: Any, index: Any) -> Any:
    return builder.gep(builder.inttoptr(begin, ir.DoubleType().as_pointer()), [index])


@intrinsic  # type: ignore[untyped-decorator]
def load(_typing: Any, begin: Any, index: Any) -> Any:
    """Read eight numbers, ``index`` numbers after an address."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load(builder.bitcast(_place(builder, *args), _VECTOR.as_pointer()), align=8)

    return LANES(types.intp, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def store(_typing: Any, begin: Any, index: Any, value: Any) -> Any:
    """Write eight numbers, ``index`` numbers after an address."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        place = builder.bitcast(_place(builder, args[0], args[1]), _VECTOR.as_pointer())
        builder.store(args[2], place, align=8)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, LANES), generate


@intrinsic  # type: ignore[untyped-decorator]
def get(_typing: Any, begin: Any, index: Any) -> Any:
    """Read one number, ``index`` numbers after an address."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load(_place(builder, *args))

    return types.float64(types.intp, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def put(_typing: Any, begin: Any, index: Any, value: Any) -> Any:
    """Write one number, ``index`` numbers after an address."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store(args[2], _place(builder, args[0], args[1]))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.float64), generate


@intrinsic  # type: ignore[untyped-decorator]
def peek(_typing: Any, where: Any) -> Any:
    """Read the number at an address in bytes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load(builder.inttoptr(args[0], ir.DoubleType().as_pointer()))

    return types.float64(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def poke(_typing: Any, where: Any, value: Any) -> Any:
    """Write a number to an address in bytes."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], ir.DoubleType().as_pointer()))
        return context.get_dummy_value()

    return types.void(types.intp, types.float64), generate


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(_typing: Any, where: Any) -> Any:
    """Ask for the cache line at an address in bytes, which need not be valid; nothing waits for it."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [builder.inttoptr(args[0], byte), flag(0), flag(2), flag(1)])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def spread(_typing: Any, value: Any) -> Any:
    """Put one number into all lanes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), args[0], ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), zeros)

    return LANES(types.float64), generate


def _fused(context: Any, builder: Any, a: Any, b: Any, c: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{WIDTH}f64"), (a, b, c))


@intrinsic  # type: ignore[untyped-decorator]
def fma(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return ``c + a b``, rounded once."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _fused(context, builder, *args)

    return LANES(LANES, LANES, LANES), generate


@intrinsic  # type: ignore[untyped-decorator]
def fms(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return ``c - a b``, rounded once."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _fused(context, builder, builder.fneg(args[0]), args[1], args[2])

    return LANES(LANES, LANES, LANES), generate


@intrinsic  # type: ignore[untyped-decorator]
def root(_typing: Any, value: Any) -> Any:
    """Square root of each lane."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_VECTOR, [_VECTOR])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{WIDTH}f64"), args)

    return LANES(LANES), generate


@intrinsic  # type: ignore[untyped-decorator]
def larger(_typing: Any, a: Any, b: Any) -> Any:
    """Return the larger of two, lane by lane; ``b`` where either is NaN."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[0], args[1])

    return LANES(LANES, LANES), generate


@intrinsic  # type: ignore[untyped-decorator]
def where_positive(_typing: Any, mask: Any, a: Any, b: Any) -> Any:
    """Return ``a`` where the mask is positive, else ``b``."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        zero = ir.Constant(_VECTOR, [0.0] * WIDTH)
        return builder.select(builder.fcmp_ordered(">", args[0], zero), args[1], args[2])

    return LANES(LANES, LANES, LANES), generate


def _register(symbol: Any, method: str) -> None:
    @type_callable(symbol)  # type: ignore[untyped-decorator]
    def _typer(_context: Any) -> Any:
        def resolve(a: Any, b: Any) -> Any:
            return LANES if isinstance(a, LaneType) and isinstance(b, LaneType) else None

        return resolve

    @lower_builtin(symbol, LaneType, LaneType)  # type: ignore[untyped-decorator]
    def _lower(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return getattr(builder, method)(*args)


for _symbol, _method in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _register(_symbol, _method)
_register(operator.truediv, "fdiv")


def aligned(count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return ``count`` zeros that begin at a cache line, so that no register is split over two lines."""
    raw = np.zeros(count + WIDTH)
    start = (-raw.ctypes.data // 8) % WIDTH
    return raw[start : start + count]
