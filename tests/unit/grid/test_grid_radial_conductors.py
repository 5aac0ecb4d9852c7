from __future__ import annotations

import numpy as np
import pytest

from ghostload.errors import UsageError
from ghostload.grid.radial.conductors import carson_impedance, kron_reduced, sequence_matrix

FOOT, MILE = 0.3048, 1.609344


def test_the_sequence_values_are_the_eigenvalues_of_the_matrix() -> None:
    a = np.exp(2j * np.pi / 3)
    fortescue = np.array([[1, 1, 1], [1, a**2, a], [1, a, a**2]])
    got = np.linalg.inv(fortescue) @ sequence_matrix(0.3 + 0.1j, 1.2 + 0.4j) @ fortescue
    np.testing.assert_allclose(got, np.diag([1.2 + 0.4j, 0.3 + 0.1j, 0.3 + 0.1j]), atol=1e-14)


def test_a_four_wire_overhead_line_is_that_of_kersting_example_4_1() -> None:
    # 336,400 26/7 ACSR phases and 4/0 6/1 ACSR neutral at 60 Hz; the book gives ohm per mile to four digits.
    primitive = carson_impedance(
        np.array([0.0, 2.5, 7.0, 4.0]) * FOOT,
        np.array([29.0, 29.0, 29.0, 25.0]) * FOOT,
        np.array([0.306, 0.306, 0.306, 0.5920]) / MILE,
        np.array([0.0244, 0.0244, 0.0244, 0.00814]) * FOOT,
        f_hz=60.0,
    )
    book = np.array(
        [
            [0.4576 + 1.0780j, 0.1560 + 0.5017j, 0.1535 + 0.3849j],
            [0.1560 + 0.5017j, 0.4666 + 1.0482j, 0.1580 + 0.4236j],
            [0.1535 + 0.3849j, 0.1580 + 0.4236j, 0.4615 + 1.0651j],
        ]
    )
    np.testing.assert_allclose(kron_reduced(primitive, 3) * MILE, book, atol=3e-4)


def test_wires_in_one_place_are_refused() -> None:
    with pytest.raises(UsageError, match="stand apart"):
        carson_impedance([0.0, 0.0], [8.0, 8.0], [0.3, 0.3], [0.01, 0.01])
