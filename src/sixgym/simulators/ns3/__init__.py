"""The packet-level simulator: the LTE stack of ns-3 with the propagation of TR 38.901 and TR 36.777.

ns-3's wheel has no NR module, so a gNB is an ns-3 eNB here: 15 kHz subcarriers, 1 ms TTIs, LTE's HARQ
and X2 handover. Comments in `cpp` say what differs from a stock ns-3 network, and why.
"""

from sixgym.simulators.ns3.build import Ns3Status, ns3_status
from sixgym.simulators.ns3.simulator import Ns3Simulator

__all__ = ["Ns3Simulator", "Ns3Status", "ns3_status"]
