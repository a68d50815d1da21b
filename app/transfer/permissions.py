"""What a key needs to import and to export."""

from app.access.rights import Caller, Rights
from app.core.errors import Problem
from app.transfer.service import ImportOptions


def require_import(rights: Rights, caller: Caller, options: ImportOptions) -> None:
    """Raise 404 for a bank that the caller does not see, 403 for what the key may not do."""
    rights.require(caller, "imports:write", options.bank)
    rights.require(caller, "questions:write", options.bank)
    if options.target == "published":
        rights.require(caller, "questions:publish", options.bank)
    if options.create_terms and not caller.may("taxonomy:write"):
        message = "`create_terms` needs the scope `taxonomy:write`."
        raise Problem("missing_scope", message, context={"scope": "taxonomy:write"})
