"""sixgym: a closed-loop gym in which agents run a packet-level 6G network through typed tools."""

__version__ = "0.1.0"
