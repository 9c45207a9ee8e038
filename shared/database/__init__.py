"""PostgreSQL as Carnet uses it: one database and one role per service, short transactions, plain SQL.

`Database` is a pool with time-outs; `Transaction` is one READ COMMITTED transaction that knows the database's clock
and counts its statements; `action_of` tells what to do about an error, `is_transient` and `is_refusal` ask it.
"""

from shared.database._database import Database, Transaction
from shared.database._faults import Action, action_of, is_refusal, is_transient

__all__ = ["Action", "Database", "Transaction", "action_of", "is_refusal", "is_transient"]
