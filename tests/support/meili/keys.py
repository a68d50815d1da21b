"""Keys of the fake Meilisearch: made from the master key, allowed some actions on some indexes."""

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from typing import Any

from tests.support.meili import shape
from tests.support.meili.errors import MeiliError, invalid_key
from tests.support.meili.moments import now, parse_moment, rfc3339
from tests.support.meili.uids import covers, index_pattern

_ACTIONS = (
    "* search documents.* documents.add documents.get documents.delete indexes.* indexes.create "
    "indexes.get indexes.update indexes.delete indexes.swap tasks.* tasks.cancel tasks.delete "
    "tasks.get settings.* settings.get settings.update stats.* stats.get metrics.* metrics.get "
    "dumps.* dumps.create snapshots.* snapshots.create version keys.create keys.get keys.update "
    "keys.delete experimental.get experimental.update export network.get network.update "
    "chatCompletions chats.* chats.get chats.delete chatsSettings.* chatsSettings.get "
    "chatsSettings.update *.get webhooks.get webhooks.update webhooks.delete webhooks.create "
    "webhooks.* indexes.compact fields.post tasks.compact dynamicSearchRules.get "
    "dynamicSearchRules.create dynamicSearchRules.update dynamicSearchRules.delete "
    "dynamicSearchRules.*"
)
ACTIONS = tuple(_ACTIONS.split(" "))
GLOBAL = (
    "metrics",
    "dumps",
    "snapshots",
    "version",
    "keys",
    "experimental",
    "export",
    "network",
    "chats",
    "chatsSettings",
    "webhooks",
    "dynamicSearchRules",
)


def _uid(value: Any, at: str) -> str:
    text = shape.string(value, at)
    try:
        return str(uuid.UUID(text))
    except ValueError:
        shape.wrong_value(at, f"`{text}` is not a valid uuid")


def _expiry(value: Any, at: str) -> int | None:
    if value is None:
        return None
    text = shape.string(value, at)
    try:
        moment = parse_moment(text)
    except ValueError:
        moment = 0
    if moment <= now():
        shape.wrong_value(
            at,
            f"`{text}` is not a valid date. It should follow the RFC 3339 format to represents a "
            "date or datetime in the future or specified as a null value. e.g. 'YYYY-MM-DD' or "
            "'YYYY-MM-DD HH:MM:SS'.",
        )
    return moment


_name = shape.nullable(shape.string)
FIELDS = {
    "description": shape.Field(_name, "invalid_api_key_description"),
    "name": shape.Field(_name, "invalid_api_key_name"),
    "uid": shape.Field(_uid, "invalid_api_key_uid"),
    "actions": shape.Field(
        shape.list_of(shape.one_of(*ACTIONS)), "invalid_api_key_actions", "missing_api_key_actions"
    ),
    "indexes": shape.Field(
        shape.list_of(index_pattern), "invalid_api_key_indexes", "missing_api_key_indexes"
    ),
    "expiresAt": shape.Field(_expiry, "invalid_api_key_expires_at", "missing_api_key_expires_at"),
}
CHANGES = {name: FIELDS[name] for name in ("description", "name")}


@dataclass(frozen=True, slots=True)
class Key:
    """One key, without its secret."""

    uid: str
    name: str | None
    description: str | None
    actions: list[str]
    indexes: list[str]
    expires_at: int | None
    created_at: int
    updated_at: int

    def may(self, action: str) -> bool:
        room, _, verb = action.partition(".")
        wanted = {"*", action, f"{room}.*"} | ({"*.get"} if verb == "get" else set())
        return not wanted.isdisjoint(self.actions)

    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= now()


def secret(master_key: str, uid: str) -> str:
    """Return the key itself: the same master key and uid always make the same one."""
    return hmac.new(master_key.encode(), uid.encode(), hashlib.sha256).hexdigest()


def view(key: Key, master_key: str) -> dict[str, Any]:
    return {
        "name": key.name,
        "description": key.description,
        "key": secret(master_key, key.uid),
        "uid": key.uid,
        "actions": key.actions,
        "indexes": key.indexes,
        "expiresAt": rfc3339(key.expires_at),
        "createdAt": rfc3339(key.created_at),
        "updatedAt": rfc3339(key.updated_at),
    }


def new_key(body: Any) -> Key:
    """Make a key of a request."""
    taken = shape.take(body, FIELDS)
    if "*" not in taken["indexes"]:
        for action in taken["actions"]:
            if action.split(".")[0] in GLOBAL:
                shown = json.dumps(action)
                message = (
                    f"cannot create index-scoped API key with global action `{shown}`\n"
                    f"  - Hint: remove action `{shown}` from the action list, or remove `indexes` "
                    "to make the key global"
                )
                raise MeiliError("index_scoped_api_key_with_global_action", message)
    moment = now()
    return Key(
        taken.get("uid") or str(uuid.uuid4()),
        taken.get("name"),
        taken.get("description"),
        taken["actions"],
        taken["indexes"],
        taken["expiresAt"],
        moment,
        moment,
    )


def default_keys() -> dict[str, Key]:
    """Return the keys that a server makes when it first starts with a master key."""
    made = {}
    for name, actions in (
        ("Default Search API Key", ["search"]),
        ("Default Admin API Key", ["*"]),
        ("Default Read-Only Admin API Key", ["*.get", "keys.get"]),
        ("Default Chat API Key", ["chatCompletions", "search"]),
    ):
        moment = now()
        uid = str(uuid.uuid4())
        made[uid] = Key(uid, name, None, actions, ["*"], None, moment, moment)
    return made


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who sends a request: the master key, or no keys at all, has no key and may everything."""

    key: Key | None = None

    def check(self, action: str) -> None:
        if self.key is not None and not self.key.may(action):
            raise invalid_key()

    @property
    def everywhere(self) -> bool:
        return self.key is None or "*" in self.key.indexes

    def sees(self, uid: str | None) -> bool:
        """Tell whether the sender may know of an index, or of a task without one."""
        if self.key is None or self.everywhere:
            return True
        return uid is not None and covers(self.key.indexes, uid)

    def check_index(self, uid: str) -> None:
        if not self.sees(uid):
            listed = json.dumps(self.key.indexes if self.key else [])
            message = (
                f"The API key cannot acces the index `{uid}`, authorized indexes are {listed}."
            )
            raise MeiliError("invalid_api_key", message)

    def may_create(self, uid: str) -> bool:
        """Tell whether writes by the sender create a missing index."""
        return self.key is None or (self.key.may("indexes.create") and self.sees(uid))


def bearer(header: str | None, master_key: str | None, known: dict[str, Key]) -> Bearer:
    """Return who sends a request with this Authorization header."""
    if master_key is None:
        return Bearer()
    scheme, _, token = (header or "").partition(" ")
    if scheme != "Bearer" or not token:
        message = (
            "The Authorization header is missing. It must use the bearer authorization method."
        )
        raise MeiliError("missing_authorization_header", message)
    if hmac.compare_digest(token.encode(), master_key.encode()):
        return Bearer()
    for key in known.values():
        if secret(master_key, key.uid) == token and not key.expired():
            return Bearer(key)
    raise invalid_key()
