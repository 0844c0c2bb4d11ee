"""The types that both sides know, none of which datamate may build again."""

from datamate import Directory, Namespace


class CellMeasurements(Directory):
    class Config(dict):
        n_cells: int = 7
        seed: int
        label: str
        training: dict

    def __init__(self, config):
        raise AssertionError(f"{config} is built again")


class Probe(Directory):
    def __init__(self, config):
        raise AssertionError(f"{config} is built again")


def cell_measurements(seed):
    """The fields of `CellMeasurements::new`."""
    return {
        "n_cells": 100,
        "seed": seed,
        "label": "visual: 'ü'",
        "training": {"rate": 1e-7, "epochs": None, "layers": [8, 4]},
    }


def as_dict(value):
    """Namespaces as plain dictionaries."""
    if isinstance(value, Namespace):
        return {key: as_dict(item) for key, item in value.items()}
    return value
