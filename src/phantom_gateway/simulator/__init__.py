"""A provider to try, test and load the gateway with."""

from phantom_gateway.simulator.modes import MODES
from phantom_gateway.simulator.server import Simulator

__all__ = ["MODES", "Simulator"]
