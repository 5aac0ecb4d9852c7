"""Vectors of doubles inside numba kernels: 8 lanes for batches, 4 for one 2x2 block.

numba does not turn the loops of a sparse factorisation into packed instructions, since it cannot know that the arrays
do not overlap. Here a vector is a type of its own, one LLVM register, and each function below is one instruction on it.
``contract`` lets the machine fuse a product with the sum around it, where it has the instruction.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

LANES = 8
"""Scenarios side by side in one vector."""

_extending: Any = importlib.import_module("numba.extending")
_types: Any = importlib.import_module("numba.core.types")
_cgutils: Any = importlib.import_module("numba.core.cgutils")
_ir: Any = importlib.import_module("llvmlite.ir")


def intrinsic(function: Callable[..., Any]) -> Any:
    """Make a function of types, which returns a signature and a generator of code, callable from kernels."""
    return _extending.intrinsic(function)


_FUSE = ("contract",)
_DOUBLE = _ir.DoubleType()
_ALIGN = 8


class Vector(_types.Type):  # type: ignore[misc]
    """A vector of ``width`` doubles."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(name=f"f64x{width}")


@_extending.register_model(Vector)
class _VectorModel(_extending.models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, fe_type: Vector) -> None:
        super().__init__(manager, fe_type, _ir.VectorType(_DOUBLE, fe_type.width))


VEC8 = Vector(8)
VEC4 = Vector(4)


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any, llvm: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _ir.PointerType(llvm))


def _loader(width: int) -> Any:
    vector = Vector(width)
    llvm = _ir.VectorType(_DOUBLE, width)

    def load(typing: Any, array: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.load(_address(context, builder, signature.args[0], args[0], args[1], llvm), align=_ALIGN)

        return vector(array, _types.int64), generate

    return intrinsic(load)


load8 = _loader(8)
"""``load8(array, i)``: elements i ... i + 7 of a contiguous array of doubles."""
load4 = _loader(4)
"""``load4(array, i)``: elements i ... i + 3."""


@intrinsic
def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Write the elements of the vector from ``array[index]`` on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        llvm = _ir.VectorType(_DOUBLE, signature.args[2].width)
        builder.store(args[2], _address(context, builder, signature.args[0], args[0], args[1], llvm), align=_ALIGN)
        return context.get_dummy_value()

    return _types.void(array, _types.int64, value), generate


def _splat(builder: Any, scalar: Any, width: int) -> Any:
    llvm = _ir.VectorType(_DOUBLE, width)
    one = builder.insert_element(_ir.Constant(llvm, _ir.Undefined), scalar, _ir.Constant(_ir.IntType(32), 0))
    zeros = _ir.Constant(_ir.VectorType(_ir.IntType(32), width), [0] * width)
    return builder.shuffle_vector(one, _ir.Constant(llvm, _ir.Undefined), zeros)


def _spreader(width: int) -> Any:
    vector = Vector(width)

    def spread(typing: Any, scalar: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _splat(builder, args[0], width)

        return vector(_types.float64), generate

    return intrinsic(spread)


spread8 = _spreader(8)
"""``spread8(x)``: eight times x."""
spread4 = _spreader(4)
"""``spread4(x)``: four times x."""


def _binary(operation: str) -> Any:
    def apply(typing: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, operation)(args[0], args[1], flags=_FUSE)

        return a(a, a), generate

    return intrinsic(apply)


add = _binary("fadd")
sub = _binary("fsub")
mul = _binary("fmul")
div = _binary("fdiv")


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(builder.fmul(args[0], args[1], flags=_FUSE), args[2], flags=_FUSE)

    return a(a, a, a), generate


@intrinsic
def fnma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return c - a * b."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fsub(args[2], builder.fmul(args[0], args[1], flags=_FUSE), flags=_FUSE)

    return a(a, a, a), generate


@intrinsic
def max_abs(typing: Any, a: Any, b: Any) -> Any:
    """Return the larger of ``a`` and the size of ``b``, lane by lane; a NaN in ``b`` is passed over."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero = _ir.Constant(args[0].type, [0.0] * signature.args[0].width)
        negative = builder.fcmp_ordered("<", args[1], zero)
        size = builder.select(negative, builder.fsub(zero, args[1]), args[1])
        return builder.select(builder.fcmp_ordered(">", size, args[0]), size, args[0])

    return a(a, a), generate


@intrinsic
def where_positive(typing: Any, condition: Any, a: Any, b: Any) -> Any:
    """Return ``a`` in lanes where ``condition`` is above zero, else ``b``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero = _ir.Constant(args[0].type, [0.0] * signature.args[0].width)
        return builder.select(builder.fcmp_ordered(">", args[0], zero), args[1], args[2])

    return a(a, a, a), generate


@intrinsic
def root(typing: Any, a: Any) -> Any:
    """Return the square root."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        llvm = args[0].type
        name = f"llvm.sqrt.v{signature.args[0].width}f64"
        function = _cgutils.get_or_insert_function(builder.module, _ir.FunctionType(llvm, [llvm]), name)
        return builder.call(function, [args[0]])

    return a(a), generate


def _shuffler(pattern: tuple[int, ...]) -> Any:
    def shuffle(typing: Any, a: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            order = _ir.Constant(_ir.VectorType(_ir.IntType(32), len(pattern)), list(pattern))
            return builder.shuffle_vector(args[0], _ir.Constant(args[0].type, _ir.Undefined), order)

        return a(a), generate

    return intrinsic(shuffle)


left_column = _shuffler((0, 0, 2, 2))
"""Of a 2x2 block by rows: its first column, each element twice."""
right_column = _shuffler((1, 1, 3, 3))
"""Of a 2x2 block by rows: its second column, each element twice."""
upper_row = _shuffler((0, 1, 0, 1))
"""Of a 2x2 block by rows: its first row, twice."""
lower_row = _shuffler((2, 3, 2, 3))
"""Of a 2x2 block by rows: its second row, twice."""
