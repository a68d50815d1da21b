"""A worker process writes the last uses of keys before it ends."""

from uuid import UUID

from app.access.models import ApiKey
from app.core.db.database import Database
from app.core.settings import Settings
from tests.support.serving import serving


def test_the_last_use_of_a_key_outlives_the_worker(settings: Settings) -> None:
    with serving(settings) as service:
        key = service.make_key("questions:read")
        assert key.get("/v1/editing/questions").status_code == 200
        listed = service.admin.get("/v1/editing/keys").json()["items"]
        created = next(item for item in listed if item["name"] == "test")
    database = Database(settings)
    with database.read() as session:
        found = session.get(ApiKey, UUID(created["id"]))
        assert found is not None
        assert found.last_used_at is not None
    database.close()
