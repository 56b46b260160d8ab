"""Degrees to metres around a place, small enough that the earth is flat there."""

from __future__ import annotations

import numpy as np

from eipyomo.errors import InputError
from eipyomo.radio.path_loss import FloatColumn

EQUATOR_M = 6_378_137.0
FLATTENING = 1.0 / 298.257223563
FURTHEST_M = 50e3


def local_metres(
    latitude_deg: FloatColumn, longitude_deg: FloatColumn, origin: tuple[float, float]
) -> tuple[FloatColumn, FloatColumn]:
    """Return how far east and north of a place others are, in m.

    By the radii of curvature of WGS 84 at the origin, and on meridians that converge by the mean
    latitude: within 10 km of it, and up to 60 degrees of latitude, distances are right to 10 cm.

    Parameters
    ----------
    latitude_deg, longitude_deg
        Of the others, (users,).
    origin
        Latitude and longitude in degrees.

    Raises
    ------
    InputError
        If one is more than 50 km away.
    """
    latitude, longitude = origin
    if not -89.0 <= latitude <= 89.0 or not -180.0 <= longitude <= 180.0:
        raise InputError(
            f"server is at {latitude:g}, {longitude:g}, but must have a latitude from -89 to 89 "
            "and a longitude from -180 to 180 degrees"
        )
    square = FLATTENING * (2.0 - FLATTENING)
    middle = np.radians((latitude_deg + latitude) / 2.0)
    curved = 1.0 - square * np.sin(middle) ** 2
    east = (longitude_deg - longitude + 180.0) % 360.0 - 180.0
    x_m = np.radians(east) * np.cos(middle) * EQUATOR_M / np.sqrt(curved)
    north = np.radians(latitude_deg - latitude)
    y_m = north * EQUATOR_M * (1.0 - square) / curved**1.5
    far_m = float(np.hypot(x_m, y_m).max(initial=0.0))
    if far_m > FURTHEST_M:
        raise InputError(
            f"a place is {far_m / 1e3:.0f} km from the server, but must be within "
            f"{FURTHEST_M / 1e3:.0f} km: are latitude and longitude in each other's columns?"
        )
    return np.asarray(x_m), np.asarray(y_m)
