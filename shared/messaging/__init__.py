"""Kafka as Carnet uses it; the only place that knows FastStream and aiokafka.

An author of a service sees `Consumer`, `Effects`, `Store` and handlers; `Outbox` for the few writers that are HTTP
routes; `Producer` and `Replies` for the gateway, which has no database.
"""
