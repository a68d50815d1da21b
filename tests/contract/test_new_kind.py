"""A new kind of question needs one module and its line in the registry, and nothing more.

`new_kind/checks.py` runs in a copy of the project to which two kinds were added by the steps that
docs/architecture.md describes under "A new kind".
"""

from pathlib import Path

import pytest

from tests.support.modified_copy import Edit, modified_copy

FOLDER = Path(__file__).parent / "new_kind"
EDITS: dict[str, Edit] = {
    "app/kinds/estimate.py": (FOLDER / "estimate.py").read_text(),
    "app/kinds/pairing.py": (FOLDER / "pairing.py").read_text(),
    "app/kinds/registry.py": [
        (
            "from app.kinds.multiple_choice import MultipleChoice\n",
            (
                "from app.kinds.estimate import Estimate\n"
                "from app.kinds.multiple_choice import MultipleChoice\n"
            ),
        ),
        (
            "from app.kinds.open import Open\n",
            "from app.kinds.open import Open\nfrom app.kinds.pairing import Pairing\n",
        ),
        (" | Open | Code\n", " | Open | Code | Estimate | Pairing\n"),
    ],
}


@pytest.mark.slow
def test_a_new_kind_works_in_every_route_format_and_engine(tmp_path: Path) -> None:
    copy = modified_copy(tmp_path / "project", EDITS)
    result = copy.run_tests("tests/contract/new_kind/checks.py")
    assert result.returncode == 0, result.stdout
