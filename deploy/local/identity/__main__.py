"""`python -m deploy.local.identity --port N --key FILE`: the provider as a process of its own."""

import argparse
from pathlib import Path

import uvicorn

from deploy.local.identity.provider import Issuer, application, load_key
from deploy.processes import LOOPBACK


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description="Carnet's local OpenID provider")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", type=Path, required=True)
    given = parser.parse_args()
    issuer = Issuer(f"http://{LOOPBACK}:{given.port}", load_key(given.key))
    uvicorn.run(application(issuer), host=LOOPBACK, port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
