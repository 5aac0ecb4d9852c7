"""Power on the wires that no meter registers, meter by meter, as far as voltages and the transformer's meter tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ghostload.detection.low_voltage import LowVoltage
from ghostload.streams import BoolArray, FloatArray

VOLT_NOISE_V = 0.05
"""Error of one voltage against the model, one standard deviation: rounding to tenths (0.03 V), and as much again for
assumed power factors and the linear model."""

BALANCE_NOISE = 0.01
"""Error of the transformer's excess in a step, as a share of its mean load: losses and the meters' own errors."""

HEARD_SHARE, FULL_SHARE = 0.5, 0.8
"""Least share of its voltages that a meter, and least share of its meters that a step must have."""

_FILL_ROUNDS = 5

PRIOR = 0.5
"""Hidden power that is thought possible beforehand, one standard deviation, as a share of a customer's size."""


@dataclass(frozen=True, eq=False)
class Registered:
    """What is registered behind one transformer: m meters over S steps.

    Attributes
    ----------
    kw : (m, S) array
    voltage_v : (m, S) array
        NaN where nothing came in.
    tan_phi : (m,) array
    excess_kw : (S,) array, optional
        What the transformer delivers beyond what its meters register and the lines are thought to lose.
    """

    kw: FloatArray
    voltage_v: FloatArray
    tan_phi: FloatArray
    excess_kw: FloatArray | None = None

    def at(self, steps: BoolArray) -> Registered:
        """Return some of the steps, (S,)."""
        excess = None if self.excess_kw is None else self.excess_kw[steps]
        return Registered(self.kw[:, steps], self.voltage_v[:, steps], self.tan_phi, excess)

    def unexplained(self, steps: BoolArray) -> Registered:
        """Return the same with what goes along with any meter's registered power taken off the excess."""
        if self.excess_kw is None:
            return self
        kw = self.kw[:, steps] - self.kw[:, steps].mean(axis=1, keepdims=True)
        excess = self.excess_kw[steps] - self.excess_kw[steps].mean()
        gram = kw @ kw.T
        gram[np.diag_indices_from(gram)] += 1e-9 * float(np.trace(gram)) / len(gram) + 1e-12
        whole = self.excess_kw.copy()
        whole[steps] = excess - np.linalg.solve(gram, kw @ excess) @ kw
        return Registered(self.kw, self.voltage_v, self.tan_phi, whole)


@dataclass(frozen=True, eq=False)
class Residual:
    """What of h heard meters' voltages remains over K steps.

    Attributes
    ----------
    volts : (h, K) array
    heard : (m,) array of bool
        Meters whose voltage mostly came in.
    used : (S,) array of bool
        Steps in which it did for nearly all of them.
    projection : (h, h) array
        Takes away what is common to a phase.
    """

    volts: FloatArray
    heard: BoolArray
    used: BoolArray
    projection: FloatArray


def voltage_residual(network: LowVoltage, seen: Registered) -> Residual:
    """Return what of the voltages is explained neither by registered power nor by the terminals' voltage.

    To each recorded voltage the drop that the registered powers cause is added, which should give the voltage at the
    terminals: the same for all meters of a phase. Each channel's own gain, seen as a constant ratio, is divided out;
    what is common to a phase in a step and what is constant in time is taken away.

    Meters of which less than half of the voltages came in, and steps in which a fifth of the others are missing, are
    left out; a voltage that is missing elsewhere counts as explained.
    """
    there = np.isfinite(seen.voltage_v)
    heard: BoolArray = there.mean(axis=1) >= HEARD_SHARE
    used: BoolArray = there[heard].mean(axis=0) >= FULL_SHARE if heard.any() else np.zeros(there.shape[1], dtype=bool)
    projection = np.eye(int(heard.sum())) - network.share[heard] @ np.linalg.pinv(network.share[heard])
    if not used.any():
        return Residual(np.zeros((len(projection), 0)), heard, used, projection)
    volts = seen.voltage_v[:, used].astype(np.float64)
    amps = 1e3 * seen.kw[:, used] / typical_voltage(volts)
    drop = network.r_ohm @ amps + network.x_ohm @ (amps * seen.tan_phi[:, None])
    at_terminals = (volts + drop)[heard]
    gain = np.nanmean(at_terminals, axis=1, keepdims=True)
    level = float(gain.mean())
    relative = level * (at_terminals / gain - 1.0)
    missing = np.isnan(relative)
    common = np.eye(len(projection)) - projection
    relative[missing] = 0.0
    for _ in range(_FILL_ROUNDS if missing.any() else 0):
        relative[missing] = (common @ relative)[missing]
    return Residual(projection @ relative, heard, used, projection)


def typical_voltage(volts: FloatArray) -> FloatArray:
    """Return each meter's voltage, and the transformer's mean in its place where there is none, (m, K)."""
    mean = np.nanmean(volts)
    return np.where(np.isfinite(volts), volts, mean)


@dataclass(frozen=True, eq=False)
class Hidden:
    """Unregistered power of m meters over K steps, about its mean.

    Attributes
    ----------
    kw : (m, K) array
    noise_kw : (m,) array
        What errors of voltages and balance alone would make its standard deviation.
    used : (S,) array of bool
        Steps that are used: K of them.
    """

    kw: FloatArray
    noise_kw: FloatArray
    used: BoolArray


def hidden_power(network: LowVoltage, seen: Registered, left: Residual | None = None) -> Hidden:
    r"""Estimate the unregistered power of each meter in each step, about its mean.

    With e the residual of :func:`voltage_residual`, M its projection, and r the transformer's excess about its mean,
    the unregistered currents u are the most likely ones under Gaussian errors [1]_:

    .. math:: \min_u \; |e + M R u|^2 / \sigma_v^2 + (r - \mathbf 1^\top u)^2 / \sigma_r^2 + |u / \sigma_u|^2

    one linear map for all steps. Without a transformer meter the second term is left out. :math:`\sigma_v` is the
    middle of what remains at the meters, at least :data:`VOLT_NOISE_V`: where the wires are not as recorded, voltages
    say less.

    Parameters
    ----------
    network : LowVoltage
        m meters.
    seen : Registered
    left : Residual, optional
        That of the same network and readings, when it is known already.

    Returns
    -------
    Hidden

    References
    ----------
    .. [1] A. Tarantola, "Inverse Problem Theory", SIAM, 2005, chapter 3. :doi:`10.1137/1.9780898717921`
    """
    left = voltage_residual(network, seen) if left is None else left
    kw = seen.kw[:, left.used]
    if not left.used.any():
        return Hidden(np.zeros(kw.shape), np.zeros(len(kw)), left.used)
    level = float(np.nanmean(seen.voltage_v[:, left.used]))
    size = kw.mean(axis=1)
    size = np.maximum(size, 0.5 * np.median(size)) + 0.05
    prior = 1e3 * PRIOR * size / level
    seen_by = left.projection @ network.r_ohm[left.heard]
    volt_noise = max(VOLT_NOISE_V, float(np.median(left.volts.std(axis=1))))
    data = seen_by.T @ seen_by / volt_noise**2
    rhs = -(seen_by.T @ left.volts) / volt_noise**2
    if seen.excess_kw is not None:
        sigma = 1e3 * (BALANCE_NOISE * kw.sum(axis=0).mean() + 0.01) / level
        data += sigma**-2.0
        excess = seen.excess_kw[left.used]
        rhs += (1e3 * (excess - excess.mean()) / level) * sigma**-2.0
    inverse = np.linalg.inv(data + np.diag(prior**-2.0))
    noise = np.sqrt(np.maximum(np.einsum("ij,jk,ki->i", inverse, data, inverse), 0.0))
    return Hidden((inverse @ rhs) * (level / 1e3), noise * (level / 1e3), left.used)


def sensitivity_ratio(network: LowVoltage, seen: Registered, left: Residual | None = None) -> FloatArray:
    """Return how much more a meter's voltage falls with its own registered power than the wires explain, less 1.

    A meter's voltage less the mean of the other meters of the transformer that have the same phases is regressed on its
    own current, beside the currents of all others by the wires' model. A customer who registers the share q of each
    kilowatt has 1/q - 1 here.

    Parameters
    ----------
    network : LowVoltage
    seen : Registered
    left : Residual, optional
        That of the same network and readings, when it is known already.

    Returns
    -------
    (m,) array; 0 where a meter is alone or never draws
    """
    left = voltage_residual(network, seen) if left is None else left
    ratio = np.zeros(len(seen.kw))
    if not left.used.any():
        return ratio
    amps = 1e3 * seen.kw[left.heard][:, left.used] / typical_voltage(seen.voltage_v[left.heard][:, left.used])
    amps = amps - amps.mean(axis=1, keepdims=True)
    own = np.einsum("ij,ji->i", left.projection, network.r_ohm[np.ix_(left.heard, left.heard)])
    power = np.einsum("it,it->i", amps, amps)
    slope = np.divide(-np.einsum("it,it->i", left.volts, amps), power, out=np.zeros(len(own)), where=power > 0.0)
    ratio[left.heard] = np.divide(slope, own, out=np.zeros(len(own)), where=own > 1e-6)
    return ratio
