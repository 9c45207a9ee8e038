"""The operator at the command line: the verbs of `carnet` that work on access_control's database."""

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import Final

from deploy.local import environment
from deploy.local.secrets import Secrets
from shared.contracts.topics import ACCESS_CONTROL

BY: Final = "demonstration"
_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True)
class Operator:
    """Who runs the system."""

    admin_url: str
    """Of the server with the services' databases; the verbs sign in as the service itself."""
    secrets: Secrets

    async def carnet(self, *arguments: str) -> str | None:
        """Do what `carnet ARGUMENTS` does; gives why it was refused, None where it was done.

        Raises:
            TimeoutError: it has not ended.
        """
        own = environment.of_database(ACCESS_CONTROL, self.admin_url, self.secrets)
        command = (sys.executable, "-m", "services.access_control.commands", *arguments, "--by", BY)
        process = await asyncio.create_subprocess_exec(
            *command, env=os.environ | own, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                said, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            raise
        return None if process.returncode == 0 else said.decode(errors="replace").strip() or "it said nothing"
