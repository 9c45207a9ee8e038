"""All SQL of notification, by use: beginning notices, how people are reached, e-mails on their way, deleted records."""

from services.notification.repository.contacts import Contacts
from services.notification.repository.farewells import Farewells
from services.notification.repository.ledger import Ledger
from services.notification.repository.outbound import Outbound, Settled

__all__ = ["Contacts", "Farewells", "Ledger", "Outbound", "Settled"]
