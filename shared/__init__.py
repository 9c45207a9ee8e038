"""What every service of Carnet stands on: the language between them and the machinery that keeps its promises.

`shared` knows no service. What is here: `contracts` (messages, topics, reasons), `terminology` (codes),
`messaging` (Kafka), `database` (PostgreSQL), `http`, `security`, `observability` and `service` (one process).
"""
