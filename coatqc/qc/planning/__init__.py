"""Plan a measurement: how many, how large, how long, to see an effect."""

from coatqc.qc.planning.designs import DESIGNS
from coatqc.qc.planning.plan import Plan, plan

__all__ = ["DESIGNS", "Plan", "plan"]
