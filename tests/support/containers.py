"""Kafka and PostgreSQL of a test run as containers of Carnet's own image, where a container engine answers."""

import contextlib
import os
import time
from pathlib import Path

from testcontainers.core.container import DockerContainer
from testcontainers.core.image import DockerImage

from deploy.docker.role import KAFKA_PORT, POSTGRES_PORT
from deploy.local import secrets
from deploy.local.postgres import ADMIN
from deploy.processes import LOOPBACK, is_open

HOME = "/var/lib/carnet"
START_TIMEOUT_S = 180.0


class ContainerBed:
    """The same roles as in `docker-compose.yml`, with a folder of the run as their home."""

    def __init__(self, folder: Path) -> None:
        self._home = folder / "home"
        self._home.mkdir()
        self._stack = contextlib.ExitStack()

    def start(self) -> dict[str, str]:
        """Build the image, start both and wait; gives how to reach them."""
        image = self._stack.enter_context(
            DockerImage(path=".", dockerfile_path="deploy/docker/Dockerfile", tag="carnet")
        )
        for role in ("kafka", "postgres"):
            container = DockerContainer(str(image)).with_command(role)
            # as ourselves, so that the secrets that the roles make can be read here
            container.with_kwargs(network_mode="host", user=f"{os.getuid()}:{os.getgid()}")
            self._stack.enter_context(container.with_volume_mapping(str(self._home), HOME, "rw"))
        for port in (KAFKA_PORT, POSTGRES_PORT):
            _wait_for(port)
        made = secrets.Secrets(self._home / "secrets")
        password = made.postgres_password_file(secrets.POSTGRES).read_text()
        return {
            "bootstrap": f"{LOOPBACK}:{KAFKA_PORT}",
            "password": made.kafka_password_file(secrets.ADMIN).read_text(),
            "postgres": f"postgresql://{ADMIN}:{password}@{LOOPBACK}:{POSTGRES_PORT}/postgres",
        }

    def stop(self) -> None:
        """End and remove both."""
        self._stack.close()


def _wait_for(port: int) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while not is_open(port):
        if time.monotonic() > end:
            raise RuntimeError(f"nothing listens on {port} after {START_TIMEOUT_S:g} s: see `docker logs`")
        time.sleep(0.2)
