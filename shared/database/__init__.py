"""PostgreSQL as Carnet uses it: one database and one role per service, short transactions, plain SQL.

`Database` is a pool with time-outs; `Transaction` is one READ COMMITTED transaction that knows the database's clock
and counts its statements; `is_transient` tells a fault that passes from one that does not.
"""

from shared.database._database import Database, Transaction
from shared.database._faults import is_refusal, is_transient

__all__ = ["Database", "Transaction", "is_refusal", "is_transient"]
