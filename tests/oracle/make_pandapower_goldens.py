"""Write the golden cases of the power flow with pandapower.

Run in an environment that has pandapower, from the root of the repository::

    python tests/oracle/make_pandapower_goldens.py

Each folder of ``tests/golden/grid`` whose name begins with ``powerflow_`` then holds ``input.zip`` (the tables as CSV
and ``grid.csv`` with the base values), ``expected.npz`` (columns of pandapower's ``res_*`` tables) and ``case.yaml``.
"""

from __future__ import annotations

import io
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandapower as pp
import pandapower.networks as networks
import pandas as pd

GOLDEN = Path(__file__).parents[1] / "golden" / "grid"

COLUMNS = {
    "bus": "name vn_kv in_service",
    "line": "from_bus to_bus length_km r_ohm_per_km x_ohm_per_km c_nf_per_km g_us_per_km max_i_ka df parallel "
    "in_service",
    "trafo": "hv_bus lv_bus sn_mva vn_hv_kv vn_lv_kv vk_percent vkr_percent pfe_kw i0_percent shift_degree tap_side "
    "tap_neutral tap_min tap_max tap_step_percent tap_step_degree tap_pos tap_changer_type df parallel in_service",
    "trafo3w": "hv_bus mv_bus lv_bus sn_hv_mva sn_mv_mva sn_lv_mva vn_hv_kv vn_mv_kv vn_lv_kv vk_hv_percent "
    "vk_mv_percent vk_lv_percent vkr_hv_percent vkr_mv_percent vkr_lv_percent pfe_kw i0_percent shift_mv_degree "
    "shift_lv_degree tap_side tap_neutral tap_min tap_max tap_step_percent tap_step_degree tap_pos tap_changer_type "
    "tap_at_star_point in_service",
    "load": "bus p_mw q_mvar const_z_p_percent const_i_p_percent const_z_q_percent const_i_q_percent scaling "
    "in_service",
    "sgen": "bus p_mw q_mvar scaling in_service",
    "gen": "bus p_mw vm_pu min_q_mvar max_q_mvar scaling slack slack_weight in_service",
    "ext_grid": "bus vm_pu va_degree slack_weight in_service",
    "shunt": "bus p_mw q_mvar vn_kv step in_service",
    "switch": "bus element et closed",
    "impedance": "from_bus to_bus rft_pu xft_pu rtf_pu xtf_pu gf_pu bf_pu gt_pu bt_pu sn_mva in_service",
}
LEFT_OUT = ("ward", "xward", "motor", "storage", "asymmetric_sgen", "dcline")
TOLERANCES = (1e-12, 1e-11, 1e-10, 1e-9)
"""Mismatch that pandapower has to reach, the first that rounding lets it; in spite of its name ``tolerance_mva`` is
taken per unit of sn_mva."""


def everything() -> pp.pandapowerNet:
    """A small grid with one of everything, and the corners where models differ."""
    net = pp.create_empty_network(sn_mva=10.0, f_hz=50.0)
    high = [pp.create_bus(net, 110.0) for _ in range(3)]
    mid = [pp.create_bus(net, 20.0) for _ in range(8)]
    ten = [pp.create_bus(net, 10.0) for _ in range(3)]
    low = [pp.create_bus(net, 0.4) for _ in range(5)]
    pp.create_ext_grid(net, high[0], vm_pu=1.02, va_degree=5.0)
    pp.create_ext_grid(net, high[1], vm_pu=1.02, va_degree=5.0)
    pp.create_switch(net, high[0], high[1], "b", closed=True)
    _line(net, high[1], high[2], 12.0, g_us_per_km=1.5, parallel=2, df=0.9)
    _tap_changers(net, high[2], mid[0])
    _three_windings(net, high[2], mid[1:4], ten)
    _open_ends(net, mid, low)
    _injections(net, high, mid, ten, low)
    _islands(net)
    pp.create_impedance(
        net, mid[0], mid[4], rft_pu=0.02, xft_pu=0.2, sn_mva=30.0, rtf_pu=0.03, xtf_pu=0.21,
        gf_pu=0.001, bf_pu=0.002, gt_pu=0.003, bt_pu=0.004,
    )  # fmt: skip
    return net


def _line(net: pp.pandapowerNet, start: int, end: int, km: float, **more: object) -> int:
    return pp.create_line_from_parameters(
        net, start, end, km, r_ohm_per_km=0.2, x_ohm_per_km=0.35, c_nf_per_km=12.0, max_i_ka=0.4, **more
    )


def _tap_changers(net: pp.pandapowerNet, hv: int, lv: int) -> None:
    kinds = (
        {"tap_side": "hv", "tap_step_percent": 1.5, "tap_pos": 3, "tap_changer_type": "Ratio"},
        {"tap_side": "lv", "tap_step_percent": 1.2, "tap_step_degree": 60.0, "tap_pos": -2, "tap_changer_type": "Ratio",
         "parallel": 2, "df": 0.8},
        {"tap_side": "hv", "tap_step_degree": 1.2, "tap_step_percent": 0.0, "tap_pos": 1, "tap_changer_type": "Ideal"},
        {"tap_side": "lv", "tap_step_percent": 2.0, "tap_pos": 1, "tap_changer_type": "Ideal"},
        {"tap_side": "lv", "tap_step_percent": 2.0, "tap_step_degree": 90.0, "tap_pos": -1,
         "tap_changer_type": "Symmetrical"},
        {"tap_side": "hv", "tap_step_percent": 2.0, "tap_pos": 4},
    )  # fmt: skip
    for kind in kinds:
        pp.create_transformer_from_parameters(
            net, hv, lv, 40.0, 112.0, 20.5, vkr_percent=0.5, vk_percent=12.0, pfe_kw=20.0, i0_percent=0.3,
            shift_degree=150.0, tap_neutral=0, tap_min=-9, tap_max=9, **kind,
        )  # fmt: skip


def _three_windings(net: pp.pandapowerNet, hv: int, mv: list[int], lv: list[int]) -> None:
    kinds = (
        {"tap_side": "hv", "tap_pos": 2, "shift_mv_degree": 30.0, "shift_lv_degree": 60.0},
        {"tap_side": "mv", "tap_pos": -3, "tap_step_degree": 10.0, "tap_at_star_point": True},
        {"tap_side": "hv", "tap_pos": -3, "tap_step_degree": 0.0, "tap_at_star_point": True},
    )
    for kind, middle, lower in zip(kinds, mv, lv, strict=True):
        pp.create_transformer3w_from_parameters(
            net, hv, middle, lower, 110.0, 20.0, 10.0, 40.0, 25.0, 15.0, vk_hv_percent=10.0, vk_mv_percent=11.0,
            vk_lv_percent=12.0, vkr_hv_percent=0.3, vkr_mv_percent=0.31, vkr_lv_percent=0.32, pfe_kw=30.0,
            i0_percent=0.1, tap_step_percent=1.0, tap_neutral=0, tap_min=-8, tap_max=8, tap_changer_type="Ratio",
            **kind,
        )  # fmt: skip
    pp.create_switch(net, lv[2], 2, "t3", closed=False)


def _open_ends(net: pp.pandapowerNet, mid: list[int], low: list[int]) -> None:
    a, b, c, dark = mid[4:]
    _line(net, mid[0], a, 4.0)
    _line(net, a, b, 3.0)
    _line(net, b, c, 2.0)
    pp.create_switch(net, dark, _line(net, c, dark, 2.0), "l", closed=False)
    twice = _line(net, a, c, 1.0)
    pp.create_switch(net, a, twice, "l", closed=False)
    pp.create_switch(net, c, twice, "l", closed=False)
    _line(net, a, c, 1.0, in_service=False)
    _line(net, b, pp.create_bus(net, 20.0, in_service=False), 1.5)
    pp.create_switch(net, a, _line(net, a, b, 2.0), "l", closed=False)
    for at, lv, opened in ((b, low[0], None), (c, low[1], low[1]), (c, low[2], c)):
        trafo = pp.create_transformer_from_parameters(
            net,
            at,
            lv,
            0.63,
            20.0,
            0.4,
            vkr_percent=1.2,
            vk_percent=4.0,
            pfe_kw=1.1,
            i0_percent=0.3,
            shift_degree=150.0,
        )
        if opened is not None:
            pp.create_switch(net, opened, trafo, "t", closed=False)
    pp.create_switch(net, low[3], low[0], "b", closed=True)
    pp.create_switch(net, low[4], low[3], "b", closed=False)


def _injections(net: pp.pandapowerNet, high: list[int], mid: list[int], ten: list[int], low: list[int]) -> None:
    pp.create_load(
        net, low[0], 0.2, 0.05, const_z_p_percent=20, const_i_p_percent=30, const_z_q_percent=40, const_i_q_percent=10,
        scaling=0.9,
    )  # fmt: skip
    for bus, p, q in (
        (mid[4], 3.0, 0.8),
        (mid[1], 5.0, 1.0),
        (ten[0], 3.0, 1.0),
        (ten[1], 2.0, 0.5),
        (mid[2], 6.0, -1.0),
    ):
        pp.create_load(net, bus, p, q, scaling=0.7 if bus == mid[4] else 1.0)
    pp.create_load(net, mid[3], 4.0, 1.0, in_service=False)
    pp.create_sgen(net, mid[4], 1.0, 0.1, scaling=1.1)
    pp.create_sgen(net, mid[7], 1.0, 0.1)
    pp.create_shunt(net, mid[4], q_mvar=-0.5, p_mw=0.02, vn_kv=20.5, step=3)
    pp.create_shunt(net, mid[1], q_mvar=0.7, p_mw=0.0, vn_kv=21.0)
    pp.create_shunt(net, mid[7], q_mvar=0.7)
    pp.create_gen(net, mid[2], 2.0, vm_pu=1.01, min_q_mvar=-3.0, max_q_mvar=8.0)
    pp.create_gen(net, mid[2], 1.0, vm_pu=1.01, min_q_mvar=-1.0, max_q_mvar=1.0)
    pp.create_gen(net, high[1], 7.0, vm_pu=1.02)
    pp.create_gen(net, mid[7], 1.0, vm_pu=1.0)
    pp.create_gen(net, mid[3], 1.0, vm_pu=1.0, in_service=False)


def _islands(net: pp.pandapowerNet) -> None:
    """One island on a generator that is a slack, one without any."""
    own = [pp.create_bus(net, 20.0) for _ in range(2)]
    _line(net, *own, 5.0)
    pp.create_gen(net, own[0], 1.0, vm_pu=1.03, slack=True, slack_weight=1.0)
    pp.create_gen(net, own[0], 0.5, vm_pu=1.03)
    pp.create_load(net, own[1], 1.3, 0.3)
    _line(net, *(pp.create_bus(net, 20.0) for _ in range(2)), 5.0)


def shared_slack() -> pp.pandapowerNet:
    """Three slacks with unequal weights at one bus."""
    net = pp.create_empty_network(sn_mva=5.0)
    a, b = (pp.create_bus(net, 20.0) for _ in range(2))
    _line(net, a, b, 3.0)
    pp.create_ext_grid(net, a, vm_pu=1.0, slack_weight=1.0)
    pp.create_ext_grid(net, a, vm_pu=1.0, slack_weight=3.0)
    pp.create_gen(net, a, 1.0, vm_pu=1.0, slack=True, slack_weight=0.5, min_q_mvar=-4.0, max_q_mvar=1.0)
    pp.create_gen(net, a, 0.7, vm_pu=1.0, min_q_mvar=-2.0, max_q_mvar=3.0)
    pp.create_load(net, b, 4.0, 1.5)
    return net


def low_voltage_three_phase() -> pp.pandapowerNet:
    """The European low-voltage feeder with its single-phase loads taken as symmetrical."""
    net = networks.ieee_european_lv_asymmetric()
    for row in net.asymmetric_load.itertuples():
        pp.create_load(net, row.bus, row.p_a_mw + row.p_b_mw + row.p_c_mw, row.q_a_mvar + row.q_b_mvar + row.q_c_mvar)
    net.asymmetric_load = net.asymmetric_load.drop(net.asymmetric_load.index)
    return net


def stressed(case: str, factor: float) -> pp.pandapowerNet:
    """A case with all powers scaled."""
    net = getattr(networks, case)()
    for table in ("load", "sgen", "gen"):
        net[table]["scaling"] = factor
    return net


CASES = {
    "everything": (everything, {}),
    "everything_pi": (everything, {"trafo_model": "pi"}),
    "everything_no_angles": (everything, {"calculate_voltage_angles": False}),
    "shared_slack": (shared_slack, {"init": "flat"}),
    "example_simple": (networks.example_simple, {}),
    "example_multivoltage": (networks.example_multivoltage, {}),
    "simple_four_bus": (networks.simple_four_bus_system, {}),
    "cigre_hv": (networks.create_cigre_network_hv, {}),
    "cigre_mv": (networks.create_cigre_network_mv, {}),
    "cigre_lv": (networks.create_cigre_network_lv, {}),
    "kerber_vorstadt": (networks.create_kerber_vorstadtnetz_kabel_1, {}),
    "mv_oberrhein": (networks.mv_oberrhein, {}),
    "european_lv": (low_voltage_three_phase, {}),
    "case118_qlim": (networks.case118, {"enforce_q_lims": True}),
    "illinois200_qlim": (networks.case_illinois200, {"enforce_q_lims": True}),
    "case39_stressed": (lambda: stressed("case39", 2.1), {}),
    "multivoltage_dc": (networks.example_multivoltage, {"dc": True}),
    "everything_dc": (everything, {"dc": True}),
    "case118_dc": (networks.case118, {"dc": True}),
}


def _tidy(component: str, frame: pd.DataFrame, net: pp.pandapowerNet, dc: bool) -> pd.DataFrame:
    """Put what pandapower writes for elements without voltage to what it means: no power, no voltage."""
    dead = net.res_bus.vm_pu.isna() if not dc else net.res_bus.va_degree.isna()
    if component in ("load", "sgen", "gen", "shunt", "ext_grid"):
        off = ~net[component].in_service.to_numpy(bool) | dead.loc[net[component].bus].to_numpy()
        power = [c for c in ("p_mw", "q_mvar") if c in frame]
        frame.loc[off, power] = 0.0
        frame.loc[off, [c for c in ("vm_pu", "va_degree") if c in frame]] = np.nan
    if component == "bus":
        frame.loc[dead.to_numpy(), ["p_mw", "q_mvar"]] = 0.0
    if component == "bus" and (frame.p_mw.isna() & ~dead).any():
        frame = frame.drop(columns=["p_mw", "q_mvar"])
    if dc:
        frame = frame.drop(columns=[c for c in frame if c.startswith(("q", "vm"))])
    return frame


def _solve(net: pp.pandapowerNet, options: dict[str, object]) -> None:
    for tolerance in TOLERANCES:
        try:
            pp.runpp(net, tolerance_mva=tolerance, max_iteration=50, **options)
            return
        except pp.LoadflowNotConverged:
            if tolerance == TOLERANCES[-1]:
                raise


def write(name: str) -> None:
    """Solve one case and write its folder."""
    build, options = CASES[name]
    net = build()
    for table in LEFT_OUT:
        if table in net:
            net[table] = net[table].drop(net[table].index)
    dc = "dc" in options
    if dc:
        pp.rundcpp(net)
    else:
        _solve(net, options)
    folder = GOLDEN / f"powerflow_{name}"
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"grid": pd.DataFrame({"sn_mva": [net.sn_mva], "f_hz": [net.f_hz]})}
    expected: dict[str, np.ndarray] = {}
    for component, columns in COLUMNS.items():
        if len(net[component]) == 0:
            continue
        kept = [c for c in columns.split() if c in net[component]]
        tables[component] = net[component][kept].rename_axis("id").reset_index()
        if component != "switch":
            frame = _tidy(component, net[f"res_{component}"].copy(), net, dc)
            expected |= {f"{component}.{c}": frame[c].to_numpy(float) for c in frame}
    with zipfile.ZipFile(folder / "input.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for component, frame in tables.items():
            text = io.StringIO()
            frame.to_csv(text, index=False)
            entry = zipfile.ZipInfo(f"{component}.csv", (2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text.getvalue())
    np.savez_compressed(folder / "expected.npz", **expected)
    shown = ", ".join(f"{k}={v!r}" for k, v in options.items() if k != "dc") or "defaults"
    (folder / "case.yaml").write_text(
        f"oracle: pandapower\nversion: {pp.__version__}\n"
        f"solved_with: {'rundcpp' if dc else 'runpp'} ({shown})\n"
        f"options:\n{''.join(f'  {k}: {str(v).lower()}' + chr(10) for k, v in options.items()) or '  {}' + chr(10)}"
        "tolerance_pu: 1.0e-8  # voltages, and powers per unit of sn_mva\n"
        "command: python tests/oracle/make_pandapower_goldens.py\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for case in sys.argv[1:] or CASES:
        write(case)
