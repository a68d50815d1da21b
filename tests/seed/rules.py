"""Rules for fair items: each function returns the faults that it finds."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from tests.seed.bank import CHOICE, Question, texts

# Smallest and largest numbers of characters, or of words.
STEM_LENGTH = (40, 900)
MAX_OPTION_LENGTH = 180
FEEDBACK_LENGTH = (15, 300)
EXPLANATION_LENGTH = (120, 900)
MODEL_ANSWER_WORDS = (110, 270)
REPEATED_WORDS = 8

ABSOLUTES = re.compile(
    r"\b(always|never|only|all|every|none|must|guarantees?|ensures?|cannot|impossible|no)\b",
    re.IGNORECASE,
)
HEDGES = re.compile(
    r"\b(usually|often|may|might|can|could|typically|tends?|likely|mostly|commonly|generally"
    r"|sometimes|nearly|some)\b",
    re.IGNORECASE,
)
_CONTENT = re.compile(r"[^\W\d_]{5,}")
_COMMON = frozenset(
    "about above after again along alone among another because before being below between both"  # noqa: SIM905
    " cannot could different during either every first given large least might model models more"
    " most never other others rather same second should since small still such than that their"
    " them then there these they this those three through under until using value values what"
    " when where which while whose will with within without would your".split()
)
_SWEEPING = re.compile(
    r"\b(all|none|both|neither) (of )?(the )?(above|these|those|options)\b", re.IGNORECASE
)
_NEGATIVE = re.compile(
    r"(?<!at )\b(not|except|least|never|incorrect)\b(?! (only|just|merely)\b)", re.IGNORECASE
)
_BOLD = re.compile(r"\*\*[^*]+\*\*")
_LOWER_NAMES = re.compile(r"(k-means|k-NN|scikit-learn|statsmodels|pandas)\b")
_GERUND = re.compile(r"(?!Clustering,|Ranking,)[A-Z]\w+ing\b")
_PRONOUN = re.compile(r"(It|They|He|She|You|We)\b")
_FORMS: dict[str, Callable[[str], bool]] = {
    "ends with a stop": lambda text: text.endswith((".", "!", "?")),
    "starts with a capital": lambda text: bool(_LOWER_NAMES.match(text)) or not text[0].islower(),
    "starts with a gerund": lambda text: bool(_GERUND.match(text)),
    "starts with an infinitive": lambda text: text.startswith("To "),
    "starts with a pronoun": lambda text: bool(_PRONOUN.match(text)),
    "is a formula": lambda text: text.startswith("$") and text.endswith("$"),
}
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
_ASKS = re.compile(
    r"\?|\b(Choose|Select|Mark|Tick|Pick|Give|Compute|Find|Evaluate|Work out|Name|List|State)\b"
)
_LEANS_ON_OPTIONS = re.compile(
    r"^(which (one )?of (the following|these)( (statements?|is|are|options?))*( (is|are))?"
    r"( (true|false|correct|right))?|the following|complete the sentence)\W*$",
    re.IGNORECASE,
)


def content_words(text: str) -> set[str]:
    """Return the words of a text that carry meaning."""
    return set(_CONTENT.findall(text.casefold())) - _COMMON


def keys(question: Question) -> list[str]:
    """Return the texts of the options that are right."""
    return [option["text"] for option in question["options"] if option["key"]]


def distractors(question: Question) -> list[str]:
    """Return the texts of the options that are wrong."""
    return [option["text"] for option in question["options"] if not option["key"]]


def key_faults(question: Question) -> Iterator[str]:
    """A single choice has one key; a multiple choice two or more, and a distractor."""
    options = question["options"]
    right = len(keys(question))
    if question["kind"] == "single_choice":
        if len(options) != 4 or right != 1:
            yield "is not four options with one key"
    elif not (4 <= len(options) <= 6 and 2 <= right < len(options)):
        yield "is not four to six options with two keys or more"


def option_faults(question: Question) -> Iterator[str]:
    """Options differ, none is part of another, none refers to the others."""
    folded = [option["text"].casefold().strip() for option in question["options"]]
    for index, text in enumerate(folded):
        others = folded[:index] + folded[index + 1 :]
        if any(text in other for other in others):
            yield f"has an option that is part of another: {text}"
        if _SWEEPING.search(text):
            yield f"has an option about the options: {text}"


def form_faults(question: Question) -> Iterator[str]:
    """The options of a question have the same grammatical form and similar lengths."""
    shown = [option["text"] for option in question["options"]]
    for name, mark in _FORMS.items():
        if len({mark(text) for text in shown}) > 1:
            yield f"has options of which one {name} and one does not"
    lengths = sorted(map(len, shown))
    if lengths[-1] > 40 and lengths[-1] > 2.5 * lengths[0]:
        yield f"has options of very different lengths: {lengths}"


def stem_faults(question: Question) -> Iterator[str]:
    """A stem asks a full question, and emphasises a negative."""
    stem = question["stem"]
    prose = _CODE.sub(" ", stem)
    if question["kind"] in CHOICE | {"numeric", "short_text"} and not _ASKS.search(prose):
        yield "asks nothing"
    sentences = re.split(r"(?<=[.?!:])\s+", prose)
    asking = [text for text in sentences if _ASKS.search(text)]
    if any(_LEANS_ON_OPTIONS.match(text) for text in sentences):
        yield "needs its options to make sense"
    if question["kind"] in CHOICE:
        for text in asking:
            if found := _NEGATIVE.search(_BOLD.sub(" ", text)):
                yield f"does not emphasise {found.group()!r}"


def length_faults(question: Question) -> Iterator[str]:
    """Texts are neither too short nor too long."""
    if not STEM_LENGTH[0] <= len(question["stem"]) <= STEM_LENGTH[1]:
        yield f"has a stem of {len(question['stem'])} characters"
    for option in question.get("options", ()):
        if len(option["text"]) > MAX_OPTION_LENGTH:
            yield f"has an option of {len(option['text'])} characters"
        if not FEEDBACK_LENGTH[0] <= len(option["feedback"]) <= FEEDBACK_LENGTH[1]:
            yield f"has feedback of {len(option['feedback'])} characters"
    if question["kind"] == "open":
        words = len(question["answer"]["model"].split())
        if not MODEL_ANSWER_WORDS[0] <= words <= MODEL_ANSWER_WORDS[1]:
            yield f"has a model answer of {words} words"
    elif question["kind"] != "code":
        length = len(question["explanation"] or "")
        if not EXPLANATION_LENGTH[0] <= length <= EXPLANATION_LENGTH[1]:
            yield f"has an explanation of {length} characters"


def markup_faults(question: Question) -> Iterator[str]:
    """Fences, code spans, emphasis, formulas and their braces are closed."""
    for text in (*texts(question), question["explanation"] or ""):
        if len(re.findall(r"^```", text, re.MULTILINE)) % 2:
            yield f"has an open fence: {text[:40]}"
        plain = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
        if plain.count("`") % 2:
            yield f"has an open code span: {text[:40]}"
        plain = re.sub(r"`[^`]*`|^\$\$.*?\$\$$", " ", plain, flags=re.DOTALL | re.MULTILINE)
        formulas = re.split(r"(?<!\\)\$", plain)
        if len(formulas) % 2 == 0:
            yield f"has an open formula: {text[:40]}"
        for formula in formulas[1::2]:
            if formula != formula.strip() or _depth(formula):
                yield f"has an untidy formula: {formula}"
        prose = " ".join(formulas[::2])
        if prose.count("**") % 2 or re.search(r"\\[a-zA-Z]{2,}", prose):
            yield f"has open emphasis, or TeX outside a formula: {text[:40]}"


def _depth(formula: str) -> int:
    depth = 0
    for character in re.sub(r"\\[{}]", "", formula):
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return depth
    return depth


def giveaway_words(question: Question) -> set[str]:
    """Return the content words of stem and keys that no distractor has."""
    right = content_words(" ".join(keys(question)))
    return (content_words(question["stem"]) & right) - content_words(
        " ".join(distractors(question))
    )


def key_is(question: Question, wanted: int) -> bool:
    """Return whether the key of a single choice is the longest (+1) or shortest (-1) option."""
    (key,) = keys(question)
    return all(wanted * len(key) >= wanted * len(text) for text in distractors(question))


def share_with(pattern: re.Pattern[str], shown: Iterable[str]) -> float:
    """Return the share of texts in which a pattern stands."""
    found = [bool(pattern.search(text)) for text in shown]
    return sum(found) / len(found)


def repeated_runs(bank: Iterable[Question]) -> dict[str, list[str]]:
    """Return each run of eight words that is repeated, with the questions that contain it."""
    found: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for question in bank:
        for text in texts(question):
            words = re.findall(r"\w+", text.casefold())
            starts = range(len(words) - REPEATED_WORDS + 1)
            for run in {tuple(words[start : start + REPEATED_WORDS]) for start in starts}:
                found[run].append(question["external_id"])
    return {" ".join(run): names for run, names in found.items() if len(names) > 1}
