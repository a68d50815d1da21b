"""The documentation page: Swagger UI, served from local files, which stores no key."""

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, Response
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

ASSETS = StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static")
ERRORS = Path(__file__).parents[3] / "docs" / "errors.md"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quizwell: the API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="/docs/assets/favicon.png">
</head>
<body>
<div id="page"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  persistAuthorization: false,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  tagsSorter: "alpha",
  validatorUrl: null,
});
"""

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def get_docs() -> Response:
    """Return the page."""
    return HTMLResponse(PAGE, headers=HEADERS)


@router.get("/docs/start.js")
async def get_start() -> Response:
    """Return the script that starts the page."""
    return Response(START, media_type="text/javascript", headers=HEADERS)


@router.get("/docs/errors")
async def get_errors() -> Response:
    """Return the meaning of each code: the `type` of a problem document refers to it."""
    return FileResponse(ERRORS, media_type="text/markdown; charset=utf-8", headers=HEADERS)


@router.get("/")
async def get_root() -> Response:
    """Redirect a browser to the documentation."""
    return RedirectResponse("/docs", headers={"Cache-Control": "no-cache"})
