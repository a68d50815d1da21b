"""What people look for in the seed bank stands among the first: a floor under what was measured."""

from collections import Counter
from collections.abc import Iterator

import pytest

from app.core.db.database import Database
from app.starting import load_seed
from bench.relevance import Find, finder, judgements, relevance
from tests.search.support.finding import Finding
from tests.search.support.mirroring import running_server
from tests.support.databases import SqliteTemplate
from tests.support.serving import serving

FLOORS = {"embedded": (0.87, 0.75), "meilisearch": (0.87, 0.75)}


@pytest.fixture(
    scope="module", params=["embedded", pytest.param("meilisearch", marks=pytest.mark.live)]
)
def find(
    request: pytest.FixtureRequest,
    sqlite_template: SqliteTemplate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, Find]]:
    """Search the seed bank; with a server only where a real one is named."""
    folder = tmp_path_factory.mktemp("relevance")
    if request.param == "embedded":
        yield from _served(request.param, sqlite_template, folder / "data")
        return
    with running_server("live", folder / "server") as server:
        more = {"meili_url": server.url, "meili_key": server.key, "search_prefix": "relevance"}
        yield from _served(request.param, sqlite_template, folder / "data", **more)


def _served(name, template, folder, **more) -> Iterator[tuple[str, Find]]:
    settings = template.fresh(folder, **more)
    database = Database(settings)
    load_seed(database, settings, lambda _: None)
    database.close()
    with serving(settings) as service:
        while Finding(service).caught_up(q="model").status_code == 503:
            pass
        yield name, finder(service.anonymous, service.admin)


def test_there_are_enough_judged_queries_of_every_kind_a_third_of_them_unseen() -> None:
    judged = judgements()
    kinds = Counter(each.kind for each in judged)
    assert kinds.keys() == {
        *("exact", "prefix", "typo", "typos", "order", "synonym", "abbreviation"),
    }
    assert len(judged) >= 180
    assert min(kinds.values()) >= 20
    unseen = sum(each.part == "unseen" for each in judged)
    assert 0.3 <= unseen / len(judged) <= 0.36
    assert len({each.q for each in judged}) == len(judged)


@pytest.mark.parametrize("part", ["tuning", "unseen"])
def test_what_is_relevant_is_found_first(find: tuple[str, Find], part: str) -> None:
    name, search = find
    scores = relevance(search, [each for each in judgements() if each.part == part])
    mrr, recall = FLOORS[name]
    assert scores["all"].mrr >= mrr, scores
    assert scores["all"].recall >= recall, scores
