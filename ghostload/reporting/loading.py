"""How full the transformers are."""

from __future__ import annotations

import numpy as np

from ghostload.config import CUSTOMER_CLASSES
from ghostload.dataset import Dataset
from ghostload.reporting.columns import codes, numbers
from ghostload.streams import FloatArray


def transformer_loading_pu(dataset: Dataset) -> FloatArray:
    """Return each transformer's diversified peak over its capacity.

    NaN where that cannot be told: a capacity that is missing or not positive, or a meter among its own whose class or
    kVA is unknown.

    Returns
    -------
    (transformers,) array, per unit of capacity; 0 for a transformer without meters.
    """
    from ghostload.territory.capacity import diversified_peak_kva

    transformers, meters = dataset.tables["transformers"], dataset.tables["meters"]
    count = transformers.num_rows
    names, code = codes(meters, "customer_class")
    known = np.array([CUSTOMER_CLASSES.index(n) if n in CUSTOMER_CLASSES else -1 for n in names] or [-1])
    class_index = known[code] if code.size else code
    kva, owner = numbers(meters, "kVA"), dataset.transformer_index
    served = owner >= 0
    usable = served & (class_index >= 0) & np.isfinite(kva) & (kva >= 0)
    peak = diversified_peak_kva(kva[usable], class_index[usable], owner[usable], count)
    capacity = numbers(transformers, "capacity_kVA")
    with np.errstate(divide="ignore", invalid="ignore"):
        loading: FloatArray = np.where(capacity > 0, np.asarray(peak, dtype=np.float64) / capacity, np.nan)
    loading[owner[served & ~usable]] = np.nan
    return loading
