"""How many examples Hypothesis tries: decided by a profile, not by each test.

`pytest --hypothesis-profile=fast|default|full` chooses one; the make targets do.
"""

from typing import Any

from hypothesis import settings

EXAMPLES = {"fast": 15, "default": 50, "full": 200}


def register_profiles() -> None:
    """Register the profiles and load the default one."""
    for name, count in EXAMPLES.items():
        # No deadline: a busy machine is no defect. A failure prints how to repeat it.
        settings.register_profile(name, max_examples=count, deadline=None, print_blob=True)
    settings.load_profile("default")


def scaled(share: float, **options: Any) -> settings:
    """Return settings with this share of the profile's examples, for tests with costly ones."""
    count = max(1, round(settings().max_examples * share))
    return settings(max_examples=count, **options)
