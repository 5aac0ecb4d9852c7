"""Meter readings in scikit-learn's manner: one call, arrays out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ghostload.config.model import GeneratorConfig

if TYPE_CHECKING:
    from sklearn.utils import Bunch

_DESCR = """Synthetic monthly meter readings with known theft (ghostload {version}).

{n_meters} meters, {n_months} months from {start}; {n_theft} meters with theft; difficulty {difficulty}; seed {seed}.
data: registered kWh, one row a meter, one column a month. target: 1 for theft.
groups: the transformer of each meter. Split by it, never by row, or neighbours leak from training to test.
"""


def make_meter_readings(
    n_meters: int = 2000,
    *,
    n_months: int = 12,
    anomaly_rate: float = 0.075,
    difficulty: str = "realistic",
    random_state: int | np.random.Generator | np.random.RandomState | None = 42,
    return_X_y: bool = False,
    as_frame: bool = False,
    **settings: Any,
) -> Bunch | tuple[Any, Any]:
    """Make monthly meter readings with known theft.

    Parameters
    ----------
    n_meters, n_months : int
    anomaly_rate : float
        Share of meters with theft.
    difficulty : {"easy", "realistic", "hard"}
    random_state : int, Generator, RandomState or None
        An int is the seed of the data set. From a generator a seed is drawn; None takes a fresh one. The seed that was
        used is the Bunch's ``random_seed``.
    return_X_y : bool
        Return ``(data, target)`` alone.
    as_frame : bool
        Return pandas objects, indexed by meter_id.
    **settings
        Further fields of :class:`~ghostload.config.GeneratorConfig`.

    Returns
    -------
    sklearn.utils.Bunch, or (X, y)
        data (n_meters, n_months) in kWh, target (n_meters,) of 0 and 1, feature_names, target_names, groups (n_meters,)
        transformer ids, meter_id (n_meters,), kind (n_meters,) anomaly type or "", frame (or None), random_seed,
        dataset, DESCR.

    Raises
    ------
    ConfigError
        When a setting is wrong.
    """
    from sklearn.utils import Bunch

    from ghostload import __version__
    from ghostload.pipeline import SyntheticDataPipeline

    seed = _seed(random_state)
    config = GeneratorConfig(
        num_meters=n_meters,
        num_months=n_months,
        anomaly_rate=anomaly_rate,
        difficulty=difficulty,
        random_seed=seed,
        **settings,
    )
    dataset = SyntheticDataPipeline(config).build()
    meters = dataset.meters
    names = list(dataset.month_columns)
    kinds = dataset.anomaly_labels.set_index("meter_id")["anomaly_type"]
    index = meters["meter_id"]
    data: Any = dataset.registered_kwh
    target: Any = dataset.is_theft.astype(np.int64)
    frame = None
    if as_frame:
        data = meters.set_index("meter_id")[names]
        target = data[names[0]].mul(0).astype("int64").add(target).rename("theft")
        frame = data.assign(theft=target)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=names,
        target_names=["honest", "theft"],
        groups=meters["transformer_id"].to_numpy(dtype=object),
        meter_id=index.to_numpy(dtype=object),
        kind=index.map(kinds).fillna("").to_numpy(dtype=object),
        random_seed=seed,
        dataset=dataset,
        DESCR=_DESCR.format(
            version=__version__,
            n_meters=n_meters,
            n_months=n_months,
            start=config.start_month,
            n_theft=config.num_anomalies,
            difficulty=difficulty,
            seed=seed,
        ),
    )


def _seed(random_state: int | np.random.Generator | np.random.RandomState | None) -> int:
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return random_state
