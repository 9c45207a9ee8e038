"""Running Carnet: the local system, Kafka's topics and rights, containers and proof.

Nothing here is needed by a service at run time; services and `shared` never import `deploy`.
"""
