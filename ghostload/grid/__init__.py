"""The wires: a power grid as data, and the power flow on it.

Nothing is imported here, so that importing one module of the room does not load the others::

    schema data findings   components as tables of arrays; what is wrong with them
    io/                    readers and writers: pandapower, MATPOWER, Parquet, OpenDSS; cases by name
    network kernels/       per-unit model, power flow one by one and in batches
    radial/                sweeps for radial grids
    power_grid             PowerGrid, the object that people hold in their hands
"""
