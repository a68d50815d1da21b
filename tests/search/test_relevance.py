"""The relevance of searches over the seed bank does not fall below a floor."""

from collections import Counter
from collections.abc import Iterator

import pytest

from app.core.db.database import Database
from app.starting import load_seed
from bench.relevance import SearchFunction, load_judgements, mean_scores, search_over_http
from tests.search.support.mirroring import running_server
from tests.search.support.search_service import SearchService
from tests.support.databases import SqliteTemplate
from tests.support.serving import serving

# Mean reciprocal rank and recall among the first ten hits.
FLOORS = {"embedded": (0.87, 0.75), "meilisearch": (0.87, 0.75)}


@pytest.fixture(
    scope="module", params=["embedded", pytest.param("meilisearch", marks=pytest.mark.live)]
)
def search(
    request: pytest.FixtureRequest,
    sqlite_template: SqliteTemplate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, SearchFunction]]:
    """Give a search of the seed bank; with Meilisearch only if a real server is configured."""
    folder = tmp_path_factory.mktemp("relevance")
    if request.param == "embedded":
        yield from _serve_seed_bank(request.param, sqlite_template, folder / "data")
        return
    with running_server("live", folder / "server") as server:
        more = {"meili_url": server.url, "meili_key": server.key, "search_prefix": "relevance"}
        yield from _serve_seed_bank(request.param, sqlite_template, folder / "data", **more)


def _serve_seed_bank(name, template, folder, **more) -> Iterator[tuple[str, SearchFunction]]:
    settings = template.fresh(folder, **more)
    database = Database(settings)
    load_seed(database, settings, lambda _: None)
    database.close()
    with serving(settings) as service:
        while SearchService(service).search_when_indexed(q="model").status_code == 503:
            pass
        yield name, search_over_http(service.anonymous, service.admin)


def test_there_are_enough_judged_queries_of_each_kind_and_a_third_are_unseen() -> None:
    judged = load_judgements()
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
def test_relevant_questions_are_among_the_first_hits(
    search: tuple[str, SearchFunction], part: str
) -> None:
    name, function = search
    scores = mean_scores(function, [each for each in load_judgements() if each.part == part])
    mrr, recall = FLOORS[name]
    assert scores["all"].mrr >= mrr, scores
    assert scores["all"].recall >= recall, scores
