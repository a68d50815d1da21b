"""The second baseline: a FastAPI route that sends constant bytes, as many as BENCH_BYTES says."""

from fastapi import FastAPI, Response

from bench.bare import BODY

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/")
async def get_constant() -> Response:
    """Return the same bytes each time."""
    return Response(BODY, media_type="application/json")
