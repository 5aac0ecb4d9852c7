from __future__ import annotations

import subprocess
import sys

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostload.reporting.payload import narrow, pack, unpack

DTYPES = st.sampled_from(["u1", "i2", "u2", "i4", "u4", "f4"])


@given(DTYPES.flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=9))))
def test_packed_arrays_come_back_bit_for_bit(array: np.ndarray) -> None:
    meta, arrays = unpack(pack({"n": 1, "t": "ñ</script>"}, {"first": array, "second": np.arange(3, dtype=np.int32)}))
    assert meta == {"n": 1, "t": "ñ</script>"}
    assert arrays["first"].tobytes() == np.ascontiguousarray(array).tobytes()
    assert arrays["second"].tolist() == [0, 1, 2]


def test_a_dtype_that_the_page_cannot_read_is_refused() -> None:
    with pytest.raises(TypeError, match="'x' is float64"):
        pack({}, {"x": np.zeros(2)})


def test_packing_is_the_same_in_every_process() -> None:
    code = (
        "import numpy as np; from ghostload.reporting.payload import pack; "
        "print(pack({'a': [1, 2]}, {'x': np.arange(1000, dtype='i4')}))"
    )
    here = pack({"a": [1, 2]}, {"x": np.arange(1000, dtype="i4")})
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == here


@given(hnp.arrays(np.int64, st.integers(0, 20), elements=st.integers(-(2**31), 2**31 - 1)))
def test_narrowing_keeps_every_number(values: np.ndarray) -> None:
    small = narrow(values)
    assert small.astype(np.int64).tolist() == values.tolist()
    assert small.itemsize <= 4


@pytest.mark.parametrize(
    ("high", "dtype"), [(255, "uint8"), (256, "int16"), (40000, "uint16"), (70000, "int32"), (2**32 - 1, "uint32")]
)
def test_narrowing_takes_the_smallest_type(high: int, dtype: str) -> None:
    assert narrow(np.array([0, high])).dtype == dtype


def test_narrowing_refuses_what_does_not_fit() -> None:
    with pytest.raises(OverflowError, match="do not fit"):
        narrow(np.array([0, 2**40]))
