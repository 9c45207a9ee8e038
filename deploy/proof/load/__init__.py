"""The load: seeded requests, deposits, lines and poison, sent as gateways and insurers send them."""

from deploy.proof.load.plan import MIX, Deed, Step, plan
from deploy.proof.load.run import Load, metadata_of
from deploy.proof.load.target import Target, connected, kafka

__all__ = ["MIX", "Deed", "Load", "Step", "Target", "connected", "kafka", "metadata_of", "plan"]
