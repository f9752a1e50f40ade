"""The service without TLS to its clients: `python -m bench.ledger.plain_service`.

The deployed service has no such setting. This one starts the same program and takes the TLS context
away where it begins to listen.
"""

from typing import Any

import uvloop

from app_service.__main__ import main


class _PlainLoop(uvloop.Loop):
    async def create_server(self, *arguments: Any, **options: Any) -> Any:
        plain = {name: value for name, value in options.items() if not name.startswith("ssl")}
        return await super().create_server(*arguments, **plain)


if __name__ == "__main__":
    uvloop.new_event_loop = _PlainLoop
    main()
