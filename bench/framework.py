"""The second baseline: a FastAPI route that sends a constant body of BENCH_BYTES bytes."""

from fastapi import FastAPI, Response

from bench.bare import BODY

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/")
async def get_constant() -> Response:
    """Return the same body each time."""
    return Response(BODY, media_type="application/json")
