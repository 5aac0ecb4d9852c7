"""Where Newton's method starts: voltages given by bus, and the angles of the DC power flow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels.compiled import kernel
from ghostload.grid.kernels.solution import PQ, REF, ComplexArray, FloatArray, IntArray


@kernel
def pin(v: ComplexArray, node_type: NDArray[np.int8], vm_set: FloatArray, va_set_rad: FloatArray) -> None:
    """Put the set points into voltages: magnitudes where they are held, angles of slacks."""
    for node in range(v.size):
        if node_type[node] == REF:
            v[node] = vm_set[node] * complex(np.cos(va_set_rad[node]), np.sin(va_set_rad[node]))
        elif node_type[node] != PQ:
            v[node] *= vm_set[node] / abs(v[node])


@kernel
def gather(given: ComplexArray, place: IntArray, v: ComplexArray) -> bool:
    """Copy into ``v`` what is given for each node; tell whether there was a number other than 0 for all of them.

    Parameters
    ----------
    given : (places,) array
        NaN or 0 where there is nothing to say.
    place : (n,) array
        Where each node's value stands; -1 where it has none.
    """
    complete = True
    for node in range(place.size):
        if place[node] < 0:
            complete = False
            continue
        value = given[place[node]]
        if value != 0.0 and np.isfinite(value.real) and np.isfinite(value.imag):
            v[node] = value
        else:
            complete = False
    return complete


@kernel
def dc_problem(
    position: IntArray,
    elements: int,
    dc_b: FloatArray,
    shift_rad: FloatArray,
    ends: tuple[IntArray, IntArray],
    given: tuple[ComplexArray, ComplexArray, ComplexArray],
    va_rad: FloatArray,
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Lay out the DC power flow as a power flow on branches without losses.

    From flat voltages one Newton step that holds all magnitudes is its solution, since then the flows are
    ``b * (va_from - va_to)`` to first order and do not hang on magnitudes.

    Parameters
    ----------
    position : (n + 4 m,) array
        Element of the matrix that each shunt, ``yff``, ``yft``, ``ytf`` and ``ytt`` is summed into.
    elements : int
        Size of the matrix.
    dc_b, shift_rad : (m,) arrays
    ends : two (m,) arrays
        Nodes at which branches begin and end.
    given : ``s``, ``y_shunt`` (n,), and ``i_bus`` (n,) or (0,)
    va_rad : (n,) array
        Angles of the islands' slacks.

    Returns
    -------
    Elements of the matrix, power given at each node, flat voltages.
    """
    n, m = va_rad.size, dc_b.size
    s, shunt, current = given
    y = np.zeros(elements, np.complex128)
    power = np.empty(n, np.complex128)
    v = np.empty(n, np.complex128)
    for node in range(n):
        power[node] = s[node].real - shunt[node].real
        if current.size:
            power[node] += current[node].real
        v[node] = complex(np.cos(va_rad[node]), np.sin(va_rad[node]))
    for branch in range(m):
        b = complex(0.0, dc_b[branch])
        y[position[n + branch]] -= b
        y[position[n + m + branch]] += b
        y[position[n + 2 * m + branch]] += b
        y[position[n + 3 * m + branch]] -= b
        turned = dc_b[branch] * shift_rad[branch]
        power[ends[0][branch]] += turned
        power[ends[1][branch]] -= turned
    return y, power, v


@kernel
def with_magnitudes(v: ComplexArray, node_type: NDArray[np.int8], island: IntArray, vm_set: FloatArray) -> bool:
    """Give unit voltages their set magnitude, or the mean of those of the island; False where one is no number."""
    total = np.zeros(v.size)
    count = np.zeros(v.size)
    for node in range(v.size):
        if node_type[node] != PQ:
            total[island[node]] += vm_set[node]
            count[island[node]] += 1.0
    for node in range(v.size):
        if not (np.isfinite(v[node].real) and np.isfinite(v[node].imag)):
            return False
        at = island[node]
        v[node] *= vm_set[node] if node_type[node] != PQ else total[at] / count[at]
    return True
