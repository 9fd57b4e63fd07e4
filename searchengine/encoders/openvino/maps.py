"""Where in a picture what a text says is seen: the vector of each place of the last feature map.

Only of trunks that take the mean of their last map and put a head on it: the head is put on every
place instead, in the same graph. Others have no map.
"""

from __future__ import annotations

from typing import Any

from searchengine.encoders.openvino.runtime import Tower, openvino, read_graph, taking_pictures
from searchengine.encoders.openvino.weights import Weights
from searchengine.encoders.preprocess import Preprocessing

SPATIAL = 4
"""Dimensions of a feature map: pictures, channels, lines and columns."""


def map_tower(
    graph: bytes,
    weights: Weights,
    preprocessing: Preprocessing,
    size: tuple[int, int],
    precision: str,
) -> Tower | None:
    """Takes one picture (1, h, w, 3), uint8, of `size`, and gives the rows of its places, by lines.

    None for a graph that has no map.
    """
    model = without_pooling(read_graph(graph, weights))
    if model is None:
        return None
    return Tower(taking_pictures(model, preprocessing, size), weights, precision)


def without_pooling(model: Any) -> Any | None:  # noqa: ANN401 - OpenVINO is untyped
    """The graph of a tower with rows for each place, picture by picture; None where it has no map.

    For pictures (n, ...) it gives (n · lines · columns, d). `model` itself is changed.
    """
    pools = [op for op in model.get_ordered_ops() if op.get_type_name() == "ReduceMean"]
    pools = [op for op in pools if _takes_mean_of_places(op)]
    if len(pools) != 1:
        return None
    [pool] = pools
    ops = openvino().opset8
    channels = pool.input(0).get_partial_shape()[1].get_length()
    places = ops.transpose(pool.input_value(0), [0, 2, 3, 1])
    each = ops.reshape(places, [-1, channels, 1, 1], special_zero=False)
    pool.output(0).replace(each.output(0))
    model.validate_nodes_and_infer_types()
    return model


def _takes_mean_of_places(pool: Any) -> bool:  # noqa: ANN401
    """Whether lines and columns are what a mean is taken over, and nothing but them."""
    before, after = pool.input(0).get_partial_shape(), pool.output(0).get_partial_shape()
    if before.rank.is_dynamic or before.rank.get_length() != SPATIAL or len(after) != SPATIAL:
        return False
    if before[1].is_dynamic:
        return False
    return all(not after[axis].is_dynamic and after[axis].get_length() == 1 for axis in (2, 3))
