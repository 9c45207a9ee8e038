"""Apache Kafka for Carnet: locked jars, a broker of our own on one machine, topics and rights from the registry."""
