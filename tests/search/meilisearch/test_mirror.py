"""The mirror replicates what is public to the server."""

from tests.search.support.mirroring import Deployment


def test_published_questions_are_found_and_withdrawn_ones_are_not(deployment: Deployment) -> None:
    ids = deployment.publish("What is entropy?", "What is enthalpy?", "Name a metal.")
    deployment.start_mirror()
    deployment.converge()
    assert sorted(deployment.search("what")) == [1, 2]
    deployment.withdraw(ids[0])
    deployment.republish(ids[2], "What is a noble metal?")
    deployment.converge()
    assert sorted(deployment.search("what")) == [2, 3]


def test_many_questions_are_sent_in_several_requests(deployment: Deployment) -> None:
    deployment.publish_many(230)
    deployment.start_mirror()
    deployment.converge()
    assert len(deployment.signatures()) == 230
    deployment.publish_many(170)
    deployment.converge()
    assert len(deployment.signatures()) == 400


def test_each_bank_has_its_own_index(deployment: Deployment) -> None:
    deployment.make_bank("history")
    deployment.publish("Who was first?", bank="history")
    deployment.publish("What is first?")
    deployment.start_mirror()
    deployment.converge()
    assert deployment.search("first", bank="history") == [1]
    assert deployment.search("first") == [2]


def test_a_bank_that_becomes_an_exam_bank_loses_its_index(deployment: Deployment) -> None:
    deployment.publish_many(30)
    deployment.start_mirror()
    deployment.converge()
    deployment.change_bank("science", exposure="exam")
    deployment.converge()
    assert not [
        uid
        for uid in deployment.direct_client.index_creation_times(deployment.prefix)
        if "science" in uid
    ]
    deployment.change_bank("science", exposure="open")
    deployment.converge()
    assert len(deployment.signatures()) == 30


def test_answers_are_indexed_only_while_they_are_public(deployment: Deployment) -> None:
    deployment.publish("Is water wet?")
    deployment.start_mirror()
    deployment.converge()
    assert deployment.search("secret13")
    deployment.change_bank("science", answers="restricted")
    deployment.converge()
    assert not deployment.search("secret13")
    deployment.change_bank("science", answers="public")
    deployment.converge()
    assert deployment.search("secret13")


def test_a_renamed_term_is_found_by_its_new_name(deployment: Deployment) -> None:
    deployment.execute(
        "INSERT INTO categories (slug, name, description, aliases)"
        " VALUES ('trees', 'Arboriculture', '', '[]')"
    )
    deployment.bump_config_version()
    deployment.publish("Which grows fastest?", categories=("trees",))
    deployment.start_mirror()
    deployment.converge()
    assert deployment.search("arboriculture")
    deployment.execute("UPDATE categories SET name = 'Dendrology'")
    deployment.bump_config_version()
    deployment.converge()
    assert deployment.search("dendrology")
    assert not deployment.search("arboriculture")
