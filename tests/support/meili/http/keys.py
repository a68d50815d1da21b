"""API keys: each is derived from the master key and allows some actions on some indexes."""

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from typing import Any

from tests.support.meili import validation
from tests.support.meili.errors import MeiliError, invalid_key
from tests.support.meili.times import format_time, now_ns, parse_time
from tests.support.meili.uids import index_pattern, matches_any

_ACTION_NAMES = (
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
ACTIONS = tuple(_ACTION_NAMES.split(" "))
GLOBAL_GROUPS = (
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
    text = validation.string(value, at)
    try:
        return str(uuid.UUID(text))
    except ValueError:
        validation.invalid_value(at, f"`{text}` is not a valid uuid")


def _expiry(value: Any, at: str) -> int | None:
    if value is None:
        return None
    text = validation.string(value, at)
    try:
        expires_at = parse_time(text)
    except ValueError:
        expires_at = 0
    if expires_at <= now_ns():
        validation.invalid_value(
            at,
            f"`{text}` is not a valid date. It should follow the RFC 3339 format to represents a "
            "date or datetime in the future or specified as a null value. e.g. 'YYYY-MM-DD' or "
            "'YYYY-MM-DD HH:MM:SS'.",
        )
    return expires_at


_name = validation.nullable(validation.string)
FIELDS = {
    "description": validation.Field(_name, "invalid_api_key_description"),
    "name": validation.Field(_name, "invalid_api_key_name"),
    "uid": validation.Field(_uid, "invalid_api_key_uid"),
    "actions": validation.Field(
        validation.list_of(validation.one_of(*ACTIONS)),
        "invalid_api_key_actions",
        "missing_api_key_actions",
    ),
    "indexes": validation.Field(
        validation.list_of(index_pattern), "invalid_api_key_indexes", "missing_api_key_indexes"
    ),
    "expiresAt": validation.Field(
        _expiry, "invalid_api_key_expires_at", "missing_api_key_expires_at"
    ),
}
CHANGES = {name: FIELDS[name] for name in ("description", "name")}


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret value, which `key_value` derives."""

    uid: str
    name: str | None
    description: str | None
    actions: list[str]
    indexes: list[str]
    expires_at: int | None
    created_at: int
    updated_at: int

    def allows(self, action: str) -> bool:
        group, _, verb = action.partition(".")
        sufficient = {"*", action, f"{group}.*"} | ({"*.get"} if verb == "get" else set())
        return not sufficient.isdisjoint(self.actions)

    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= now_ns()


def key_value(master_key: str, uid: str) -> str:
    """Return the value of a key, which depends only on the master key and the uid."""
    return hmac.new(master_key.encode(), uid.encode(), hashlib.sha256).hexdigest()


def key_json(key: Key, master_key: str) -> dict[str, Any]:
    return {
        "name": key.name,
        "description": key.description,
        "key": key_value(master_key, key.uid),
        "uid": key.uid,
        "actions": key.actions,
        "indexes": key.indexes,
        "expiresAt": format_time(key.expires_at),
        "createdAt": format_time(key.created_at),
        "updatedAt": format_time(key.updated_at),
    }


def new_key(body: Any) -> Key:
    """Create a key from a request body."""
    given = validation.parse_object(body, FIELDS)
    if "*" not in given["indexes"]:
        for action in given["actions"]:
            if action.split(".")[0] in GLOBAL_GROUPS:
                shown = json.dumps(action)
                message = (
                    f"cannot create index-scoped API key with global action `{shown}`\n"
                    f"  - Hint: remove action `{shown}` from the action list, or remove `indexes` "
                    "to make the key global"
                )
                raise MeiliError("index_scoped_api_key_with_global_action", message)
    created_at = now_ns()
    return Key(
        given.get("uid") or str(uuid.uuid4()),
        given.get("name"),
        given.get("description"),
        given["actions"],
        given["indexes"],
        given["expiresAt"],
        created_at,
        created_at,
    )


def default_keys() -> dict[str, Key]:
    """Return the keys that a server creates when it first starts with a master key."""
    keys = {}
    for name, actions in (
        ("Default Search API Key", ["search"]),
        ("Default Admin API Key", ["*"]),
        ("Default Read-Only Admin API Key", ["*.get", "keys.get"]),
        ("Default Chat API Key", ["chatCompletions", "search"]),
    ):
        created_at = now_ns()
        uid = str(uuid.uuid4())
        keys[uid] = Key(uid, name, None, actions, ["*"], None, created_at, created_at)
    return keys


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request may do; without a key (master key, or a server without keys) everything."""

    key: Key | None = None

    def check_action(self, action: str) -> None:
        if self.key is not None and not self.key.allows(action):
            raise invalid_key()

    @property
    def covers_all_indexes(self) -> bool:
        return self.key is None or "*" in self.key.indexes

    def can_access(self, uid: str | None) -> bool:
        """Return whether an index, or for None a task without index, is visible to the request."""
        if self.key is None or self.covers_all_indexes:
            return True
        return uid is not None and matches_any(self.key.indexes, uid)

    def check_index(self, uid: str) -> None:
        if not self.can_access(uid):
            listed = json.dumps(self.key.indexes if self.key else [])
            message = (
                f"The API key cannot acces the index `{uid}`, authorized indexes are {listed}."
            )
            raise MeiliError("invalid_api_key", message)

    def may_create_index(self, uid: str) -> bool:
        """Return whether writing to a missing index creates it."""
        return self.key is None or (self.key.allows("indexes.create") and self.can_access(uid))


def authenticate(header: str | None, master_key: str | None, keys: dict[str, Key]) -> Credentials:
    """Return the credentials of an Authorization header; MeiliError if they are invalid."""
    if master_key is None:
        return Credentials()
    scheme, _, token = (header or "").partition(" ")
    if scheme != "Bearer" or not token:
        message = (
            "The Authorization header is missing. It must use the bearer authorization method."
        )
        raise MeiliError("missing_authorization_header", message)
    if hmac.compare_digest(token.encode(), master_key.encode()):
        return Credentials()
    for key in keys.values():
        if key_value(master_key, key.uid) == token and not key.is_expired():
            return Credentials(key)
    raise invalid_key()
