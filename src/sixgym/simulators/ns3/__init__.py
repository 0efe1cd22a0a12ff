"""The packet-level simulator: the LTE stack of ns-3 with propagation of TR 38.901 and TR 36.777."""

from sixgym.simulators.ns3.build import Ns3Status, ns3_status
from sixgym.simulators.ns3.simulator import Ns3Simulator

__all__ = ["Ns3Simulator", "Ns3Status", "ns3_status"]
