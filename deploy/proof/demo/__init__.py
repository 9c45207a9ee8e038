"""The demonstration: documents and a day of reimbursements through the whole system, each step verified.

`run` plays it on a running local system as people use it: over HTTP with their tokens, and in Kafka as an insurer. What
it was told is then compared with what stands in databases, topics, files and e-mails.
"""

from deploy.proof.demo.play import Size, run

__all__ = ["Size", "run"]
