"""Names of nodes, as the exports write them."""

from __future__ import annotations

from ghostload.wires.model import Kind, Wires


def node_names(wires: Wires, feeder: int) -> list[str]:
    """Return a name for each node of a feeder.

    ``s1`` is the bus bar of feeder 1, ``m1_4`` the fourth medium-voltage junction of feeder 1, ``h12`` and ``t12`` the
    terminals of transformer 12, ``p12_3`` its third pole, ``c123`` the service point of meter 123; all count from 1, as
    the ids do.
    """
    layout = wires.layout
    nodes = wires.nodes_of(feeder)
    kinds, homes, meters = (a[nodes].tolist() for a in (layout.kind, layout.transformer, layout.meter))
    names, running = [], 0
    for kind, home, meter in zip(kinds, homes, meters, strict=True):
        if kind == Kind.SUBSTATION:
            names.append(f"s{feeder + 1}")
        elif kind == Kind.MV_JUNCTION:
            running += 1
            names.append(f"m{feeder + 1}_{running}")
        elif kind == Kind.TRANSFORMER_HV:
            names.append(f"h{home + 1}")
        elif kind == Kind.TRANSFORMER_LV:
            running = 0
            names.append(f"t{home + 1}")
        elif kind == Kind.LV_POLE:
            running += 1
            names.append(f"p{home + 1}_{running}")
        else:
            names.append(f"c{meter + 1}")
    return names
