"""The order of elimination and the layout of the factor."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from batch_support import case
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import splu

from ghostload.grid.kernels.ordering import minimum_degree, postorder
from ghostload.grid.kernels.symbolic import analyse
from ghostload.grid.network import ybus


def random_graph(seed: int, nodes: int) -> sp.csr_matrix:
    """A connected undirected graph without loops, and 1 on the diagonal."""
    rng = np.random.default_rng(seed)
    a = np.concatenate([rng.integers(0, np.arange(1, nodes)), rng.integers(0, nodes, nodes)])
    b = np.concatenate([np.arange(1, nodes), rng.integers(0, nodes, nodes)])
    graph = sp.coo_matrix((np.ones(len(a)), (a, b)), shape=(nodes, nodes))
    graph = ((graph + graph.T) > 0).astype(float).tolil()
    graph.setdiag(1.0)
    out = sp.csr_matrix(graph)
    out.sort_indices()
    return out


def neighbours(graph: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Pattern without the diagonal, as the ordering takes it."""
    bare = graph - sp.diags(graph.diagonal())
    bare.eliminate_zeros()
    return bare.indptr.astype(np.int32), bare.indices.astype(np.int32)


def eliminated(pattern: np.ndarray) -> np.ndarray:
    """Pattern of the factor by elimination on a dense matrix."""
    filled = pattern.copy()
    for k in range(len(filled)):
        below = np.flatnonzero(filled[k + 1 :, k]) + k + 1
        filled[np.ix_(below, below)] = True
    return filled


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 40))
def test_the_pattern_found_while_ordering_is_that_of_the_factor(seed: int, nodes: int) -> None:
    graph = random_graph(seed, nodes)
    order, start, pattern = minimum_degree(*neighbours(graph))
    assert sorted(order) == list(range(nodes))
    filled = eliminated(graph.toarray()[np.ix_(order, order)] > 0)
    position = np.argsort(order)
    for k in range(nodes):
        assert set(position[pattern[start[k] : start[k + 1]]]) == set(np.flatnonzero(filled[k, k + 1 :]) + k + 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 40))
def test_postorder_keeps_the_fill_and_makes_subtrees_contiguous(seed: int, nodes: int) -> None:
    graph = random_graph(seed, nodes)
    order, start, pattern = minimum_degree(*neighbours(graph))
    steps = postorder(order, start, pattern)
    assert sorted(steps) == list(range(nodes))
    new = order[steps]
    filled = eliminated(graph.toarray()[np.ix_(new, new)] > 0)
    assert np.triu(filled, 1).sum() == start[-1]
    parent = [
        int(np.flatnonzero(filled[k, k + 1 :])[0]) + k + 1 if filled[k, k + 1 :].any() else -1 for k in range(nodes)
    ]
    size = np.ones(nodes, int)
    for k in range(nodes):
        if parent[k] >= 0:
            size[parent[k]] += size[k]
    for k in range(nodes):
        inside = [j for j in range(k) if parent[j] >= 0 and k - size[k] < j < k]
        assert len(inside) == size[k] - 1


@pytest.mark.parametrize("name", ["case118", "case1354pegase", "case9241pegase"])
def test_fill_is_within_a_tenth_of_superlu_minimum_degree(name: str) -> None:
    _, network = case(name)
    matrix = abs(ybus(network)) + 1e6 * sp.eye(network.n)
    factor = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    graph = matrix.tocsr()
    _, start, _ = minimum_degree(*neighbours(graph))
    assert start[-1] <= 1.1 * (factor.L.nnz - network.n)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30))
def test_every_product_of_the_elimination_has_its_slot(seed: int, nodes: int) -> None:
    graph = random_graph(seed, nodes)
    kind = np.ones(nodes, np.int8)
    kind[seed % nodes] = 3
    found = analyse(graph.indptr, graph.indices, kind)
    row, diag, col, update = (found.part(name) for name in ("row", "diag", "col", "update"))
    at = 0
    for i in range(found.free):
        assert (np.diff(col[row[i] : row[i + 1]]) > 0).all()
        assert col[diag[i]] == i
        for p in range(row[i], diag[i]):
            k = col[p]
            for q in range(diag[k] + 1, row[k + 1]):
                assert row[i] <= update[at] < row[i + 1]
                assert col[update[at]] == col[q]
                at += 1
    assert at == len(update) == found.updates
    assert sorted(found.part("perm")) == list(range(nodes))
    assert found.part("perm")[-1] == seed % nodes


def test_ordering_is_the_same_every_time() -> None:
    _, network = case("case118")
    graph = ybus(network)
    first = analyse(graph.indptr, graph.indices, network.node_type)
    again = analyse(graph.indptr, graph.indices, network.node_type)
    np.testing.assert_array_equal(first.code, again.code)
