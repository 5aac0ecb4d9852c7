"""A data set in figures: what the pages count and draw, all from what a utility would know itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.config import CUSTOMER_CLASSES
from ghostload.dataset import Dataset
from ghostload.reporting.columns import codes, numbers
from ghostload.reporting.loading import transformer_loading_pu
from ghostload.streams import FloatArray, IntArray


@dataclass(frozen=True)
class ClassRow:
    """One customer class in figures; energies in kWh a month."""

    name: str
    meters: int
    share: float
    energy_share: float
    mean_kwh: float
    quantiles_kwh: tuple[float, float, float]
    zero_share: float


class Summary:
    """Arrays by meter and by transformer, computed when they are first asked for.

    Parameters
    ----------
    dataset : Dataset
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        names, code = codes(dataset.tables["meters"], "customer_class")
        usual = {name: i for i, name in enumerate(CUSTOMER_CLASSES)}
        order = sorted(range(len(names)), key=lambda i: (usual.get(names[i], len(usual)), names[i]))
        rank = np.empty(len(names), dtype=np.int64)
        rank[order] = np.arange(len(names))
        self.classes = [names[i] for i in order]
        self.meter_class: IntArray = rank[code] if len(names) else code

    @cached_property
    def kwh(self) -> FloatArray:
        """(meters, months) registered energy; NaN where missing."""
        return self.dataset.registered_kwh

    @cached_property
    def mean_kwh(self) -> FloatArray:
        """(meters,) mean over the months that are there; NaN where none is."""
        return quiet(np.nanmean, self.kwh, axis=1)

    @cached_property
    def cv(self) -> FloatArray:
        """(meters,) sample standard deviation over the mean; NaN without two months or without energy."""
        spread = quiet(partial(np.nanstd, ddof=1), self.kwh, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.mean_kwh > 0, spread / self.mean_kwh, np.nan)

    @cached_property
    def relative(self) -> FloatArray:
        """(meters, months) each month over the meter's own mean; NaN without energy."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.mean_kwh[:, None] > 0, self.kwh / self.mean_kwh[:, None], np.nan)

    @cached_property
    def loading_pu(self) -> FloatArray:
        """(transformers,) diversified peak over capacity."""
        return transformer_loading_pu(self.dataset)

    @cached_property
    def meters_per_transformer(self) -> IntArray:
        """(transformers,) meters that name each."""
        owner = self.dataset.transformer_index
        return np.bincount(owner[owner >= 0], minlength=self.dataset.tables["transformers"].num_rows)

    @cached_property
    def capacity_kva(self) -> FloatArray:
        """(transformers,) rated power."""
        return numbers(self.dataset.tables["transformers"], "capacity_kVA")

    @cached_property
    def feeders(self) -> int:
        """Number of feeders."""
        return len(codes(self.dataset.tables["transformers"], "feeder_id")[0])

    @cached_property
    def districts(self) -> int:
        """Number of districts in which transformers stand."""
        return len(codes(self.dataset.tables["transformers"], "barangay")[0])

    def in_class(self, number: int) -> NDArray[np.bool_]:
        """(meters,) whether each is of the class of that number."""
        return np.asarray(self.meter_class == number)

    def class_rows(self) -> list[ClassRow]:
        """Return the figures of each class."""
        total = float(np.nansum(self.kwh))
        return [self._class_row(name, self.in_class(i), total) for i, name in enumerate(self.classes)]

    def _class_row(self, name: str, of_class: NDArray[np.bool_], total: float) -> ClassRow:
        kwh, mean = self.kwh[of_class], self.mean_kwh[of_class]
        mean = mean[np.isfinite(mean)]
        present = np.isfinite(kwh)
        nothing = (float("nan"),) * 3
        low, median, high = np.quantile(mean, (0.05, 0.5, 0.95)).tolist() if mean.size else nothing
        return ClassRow(
            name=name,
            meters=int(of_class.sum()),
            share=float(of_class.mean()),
            energy_share=float(np.nansum(kwh)) / total if total > 0 else float("nan"),
            mean_kwh=float(mean.mean()) if mean.size else float("nan"),
            quantiles_kwh=(low, median, high),
            zero_share=float((kwh[present] == 0).mean()) if present.any() else float("nan"),
        )


def quiet(function: Callable[..., Any], values: FloatArray, *arguments: float, axis: int) -> FloatArray:
    """Apply a NaN-aware function along an axis; too few numbers give NaN, without a word."""
    if not values.size:
        return np.full(values.shape[1 - axis], np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result: FloatArray = function(values, *arguments, axis=axis)
    return result
