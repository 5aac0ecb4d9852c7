"""More operations on eight steps side by side: narrow numbers in and out, and the smaller of two."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ghostload.grid.radial.lanes import LANES, WIDTH

_DOUBLES = ir.VectorType(ir.DoubleType(), WIDTH)


def _pointer(builder: Any, where: Any, element: Any) -> Any:
    return builder.inttoptr(where, ir.VectorType(element, WIDTH).as_pointer())


@intrinsic  # type: ignore[untyped-decorator]
def load_floats(_typing: Any, where: Any) -> Any:
    """Read eight float32 at an address in bytes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.fpext(builder.load(_pointer(builder, args[0], ir.FloatType()), align=4), _DOUBLES)

    return LANES(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def load_ints(_typing: Any, where: Any) -> Any:
    """Read eight int32 at an address in bytes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.sitofp(builder.load(_pointer(builder, args[0], ir.IntType(32)), align=4), _DOUBLES)

    return LANES(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def store_floats(_typing: Any, where: Any, value: Any) -> Any:
    """Write eight numbers as float32 at an address in bytes."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        narrow = builder.fptrunc(args[1], ir.VectorType(ir.FloatType(), WIDTH))
        builder.store(narrow, _pointer(builder, args[0], ir.FloatType()), align=4)
        return context.get_dummy_value()

    return types.void(types.intp, LANES), generate


@intrinsic  # type: ignore[untyped-decorator]
def peek_float(_typing: Any, where: Any) -> Any:
    """Read the float32 at an address in bytes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        number = builder.load(builder.inttoptr(args[0], ir.FloatType().as_pointer()), align=4)
        return builder.fpext(number, ir.DoubleType())

    return types.float64(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def peek_int(_typing: Any, where: Any) -> Any:
    """Read the int32 at an address in bytes."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        number = builder.load(builder.inttoptr(args[0], ir.IntType(32).as_pointer()), align=4)
        return builder.sitofp(number, ir.DoubleType())

    return types.float64(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def smaller(_typing: Any, a: Any, b: Any) -> Any:
    """Return the smaller of two, lane by lane; ``b`` where either is NaN."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", args[0], args[1]), args[0], args[1])

    return LANES(LANES, LANES), generate


@intrinsic  # type: ignore[untyped-decorator]
def word(_typing: Any, begin: Any, index: Any) -> Any:
    """Read one int64, ``index`` numbers after an address."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        whole = ir.IntType(64)
        return builder.load(builder.gep(builder.inttoptr(args[0], whole.as_pointer()), [args[1]]))

    return types.intp(types.intp, types.intp), generate
