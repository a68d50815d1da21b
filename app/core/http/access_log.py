"""One log entry for each response."""

import logging
from urllib.parse import quote

from starlette.types import Scope

from app.core.http.request_context import RequestContext
from app.core.log_config import ACCESS_LOGGER

log = logging.getLogger(ACCESS_LOGGER)


def log_response(context: RequestContext, scope: Scope, status: int, seconds: float) -> None:
    """Log a response: who asked for what, and how long it took.

    Queries, headers and bodies are left out, because they may contain secrets. The key is named by
    its id. The client is the address of the socket: behind a proxy, the proxy's.
    """
    client = scope.get("client")
    key_id = None if context.caller is None else context.caller.key_id
    fields = {
        "method": scope["method"],
        # Percent-encoded, so that nobody can forge an entry with a line break.
        "path": quote(context.path),
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "key_id": key_id and str(key_id),
        "client": client and client[0],
    }
    log.info(
        "%(method)s %(path)s %(status)s %(milliseconds)s ms key=%(key_id)s client=%(client)s",
        fields,
        extra={"fields": fields},
    )
