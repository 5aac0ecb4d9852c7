"""A feeder's meters put on other transformers and phases, with the wires that follow from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ghostload.detection.low_voltage import LowVoltage
from ghostload.detection.seen import FeederReadings
from ghostload.streams import FloatArray, IntArray


def rewired(feeder: FeederReadings, home: IntArray, share: FloatArray | None = None) -> FeederReadings:
    """Return a feeder with its meters on other transformers, and on other phases where ``share`` is given.

    Nobody has measured the way to a meter that was on another transformer before: it is taken to hang beside the meter
    whose way is of middling length, on a service drop like that one's.

    Parameters
    ----------
    feeder : FeederReadings
    home : (n,) array of int
        Transformer of each meter, counted as in ``feeder.home``.
    share : (n, 3) array, optional
        Phases of each meter. Not given: as they were; and those of the meter beside it for one that moved.
    """
    if feeder.network is None:
        return replace(feeder, home=home)
    if share is None and np.array_equal(home, feeder.home):
        return feeder
    place = positions(feeder)
    before = shares(feeder)
    networks = []
    for number in range(feeder.num_transformers):
        members = np.flatnonzero(home == number)
        old = feeder.network[number]
        if not np.array_equal(members, np.flatnonzero(feeder.home == number)):
            kept = feeder.home[members] == number
            old = _joined(feeder, old, members, np.where(kept, place[members], -1), before[members])
        networks.append(old if share is None else old.with_share(share[members]))
    return replace(feeder, home=home, network=tuple(networks))


def positions(feeder: FeederReadings) -> IntArray:
    """Return the row of each meter within the network of its transformer, (n,)."""
    place = np.zeros(len(feeder.rows), dtype=np.int64)
    for members in feeder.members():
        place[members] = np.arange(len(members))
    return place


def shares(feeder: FeederReadings) -> FloatArray:
    """Return the phases of each meter, (n, 3)."""
    share = np.zeros((len(feeder.rows), 3))
    for members, network in zip(feeder.members(), feeder.network or (), strict=False):
        share[members] = network.share
    return share


def _joined(
    feeder: FeederReadings, old: LowVoltage, members: IntArray, place: IntArray, share: FloatArray
) -> LowVoltage:
    """Build the network of some meters, those with ``place`` -1 being new to the transformer."""
    new = place < 0
    single = share.max(axis=1) > 1.0 - 1e-9
    twins = [_middling(old, one) for one in (False, True)]
    place = np.where(new, np.where(single, twins[1], twins[0]), place)
    if (place < 0).any():
        return _apart(feeder, members, share)
    share = np.where((new & single & old.single_phase[place])[:, None], old.share[place], share)
    clash = (place[:, None] == place) & (new[:, None] | new)
    np.fill_diagonal(clash, val=False)
    parts = [_taken(matrix, place, clash) for matrix in (old.r_ohm, old.x_ohm, old.own_ohm, old.between_ohm)]
    r, x, own, between = parts
    moved = LowVoltage(feeder.rows[members], r.real, x.real, old.share[place], own, between)
    return moved.with_share(share)


def _middling(old: LowVoltage, single: bool) -> int:
    """Return the meter whose way is of middling length, of those on one phase if there are any; -1 without meters."""
    if len(old.meters) == 0:
        return -1
    among = np.flatnonzero(old.single_phase == single)
    among = among if len(among) else np.arange(len(old.meters))
    return int(among[np.argsort(old.r_ohm.diagonal()[among], kind="stable")[len(among) // 2]])


def _taken(matrix: NDArray[np.generic] | None, place: IntArray, clash: NDArray[np.bool_]) -> NDArray[np.complex128]:
    """Take rows and columns; two meters at one place share as much of the way as it shares with any other."""
    if matrix is None:
        return np.zeros((len(place), len(place)), dtype=np.complex128)
    whole = np.asarray(matrix, dtype=np.complex128)
    others = np.where(np.eye(len(whole), dtype=bool), -np.inf, np.abs(whole))
    at = others.argmax(axis=1)
    shared = np.where(len(whole) > 1, whole[np.arange(len(whole)), at], 0.0)
    return np.where(clash, shared[place][:, None], whole[np.ix_(place, place)])


def _apart(feeder: FeederReadings, members: IntArray, share: FloatArray) -> LowVoltage:
    """Return meters that share no way: what is known of a transformer that had none before."""
    place, diagonal = positions(feeder), np.zeros(len(members), dtype=np.complex128)
    for at, meter in enumerate(members.tolist()):
        network = (feeder.network or ())[int(feeder.home[meter])]
        row = int(place[meter])
        diagonal[at] = network.r_ohm[row, row] + 1j * network.x_ohm[row, row]
    z = np.diag(diagonal)
    return LowVoltage(feeder.rows[members], z.real, z.imag, share, z, np.zeros_like(z))
