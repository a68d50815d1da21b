"""The mirror keeps the server equal to what is public."""

from tests.search.support.mirroring import World


def test_what_is_published_is_found_and_what_is_withdrawn_is_not(world: World) -> None:
    ids = world.publish("What is entropy?", "What is enthalpy?", "Name a metal.")
    world.start()
    world.converge()
    assert sorted(world.found("what")) == [1, 2]
    world.withdraw(ids[0])
    world.republish(ids[2], "What is a noble metal?")
    world.converge()
    assert sorted(world.found("what")) == [2, 3]


def test_many_questions_arrive_in_several_requests(world: World) -> None:
    world.publish_many(230)
    world.start()
    world.converge()
    assert len(world.indexed()) == 230
    world.publish_many(170)
    world.converge()
    assert len(world.indexed()) == 400


def test_each_bank_has_an_index_of_its_own(world: World) -> None:
    world.make_bank("history")
    world.publish("Who was first?", bank="history")
    world.publish("What is first?")
    world.start()
    world.converge()
    assert world.found("first", bank="history") == [1]
    assert world.found("first") == [2]


def test_a_bank_that_becomes_an_exam_bank_loses_its_index(world: World) -> None:
    world.publish_many(30)
    world.start()
    world.converge()
    world.change_bank("science", exposure="exam")
    world.converge()
    assert not [uid for uid in world.direct.indexes(world.prefix) if "science" in uid]
    world.change_bank("science", exposure="open")
    world.converge()
    assert len(world.indexed()) == 30


def test_answers_are_indexed_only_while_they_are_public(world: World) -> None:
    world.publish("Is water wet?")
    world.start()
    world.converge()
    assert world.found("secret13")
    world.change_bank("science", answers="restricted")
    world.converge()
    assert not world.found("secret13")
    world.change_bank("science", answers="public")
    world.converge()
    assert world.found("secret13")


def test_a_renamed_term_is_found_by_its_new_name(world: World) -> None:
    world.execute(
        "INSERT INTO categories (slug, name, description, aliases)"
        " VALUES ('trees', 'Arboriculture', '', '[]')"
    )
    world.bump()
    world.publish("Which grows fastest?", categories=("trees",))
    world.start()
    world.converge()
    assert world.found("arboriculture")
    world.execute("UPDATE categories SET name = 'Dendrology'")
    world.bump()
    world.converge()
    assert world.found("dendrology")
    assert not world.found("arboriculture")
