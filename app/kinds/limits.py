"""Every limit on a length, a count or a number in a question; the OpenAPI document shows them."""

from typing import Final

# Maximal lengths in characters.
STEM: Final = 20_000
HINT: Final = 4_000
EXPLANATION: Final = 20_000
OPTION_TEXT: Final = 4_000
FEEDBACK: Final = 4_000
ITEM_ID: Final = 32
SLUG: Final = 64
LANGUAGE: Final = 35
SOURCE_TITLE: Final = 500
URL: Final = 2_000
MEDIA_URL: Final = 1_000
MEDIA_ALT: Final = 1_000
LICENCE: Final = 200
UNIT: Final = 40
ACCEPTED_TEXT: Final = 500
MODEL_ANSWER: Final = 20_000
POINT_OF_ANSWER: Final = 2_000
CRITERION: Final = 1_000
PROGRAMMING_LANGUAGE: Final = 40
SOURCE_CODE: Final = 20_000
TEST_CODE: Final = 4_000
DECIMAL: Final = 30
EXTERNAL_ID: Final = 200

# Maximal counts; OPTIONS_MIN is the minimal one.
HINTS: Final = 10
CATEGORIES: Final = 20
COMPANIES: Final = 50
TAGS: Final = 50
MEDIA: Final = 10
OPTIONS_MIN: Final = 2
OPTIONS: Final = 10
ACCEPTED_TEXTS: Final = 50
POINTS_OF_ANSWER: Final = 20
CRITERIA: Final = 20
TESTS: Final = 50

# Maximal numbers.
POINTS: Final = 10_000
POINTS_DECIMALS: Final = 4
TIME_SECONDS: Final = 86_400
TIMES_SEEN: Final = 1_000_000
DECIMAL_EXPONENT: Final = 308
