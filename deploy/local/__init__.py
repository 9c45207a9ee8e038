"""The local system: Kafka, PostgreSQL, mail, identity and the services on one machine, all on loopback."""
