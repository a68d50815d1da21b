"""A sender that is killed at any moment loses nothing and brings nothing back."""

import os
import random
import subprocess
import sys
import time

import pytest

from tests.search.support.mirroring import World

pytestmark = pytest.mark.campaign

KILLS = int(os.environ.get("QUIZWELL_KILLS", "4"))


def _send(world: World) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.search.support.sender"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(world.settings.model_dump_json().encode())
    process.stdin.close()
    assert process.stdout.readline() == b"started\n"
    return process


@pytest.mark.parametrize("senders", [1, 2])
def test_a_sender_is_killed_again_and_again(world: World, senders: int) -> None:
    chance = random.Random(senders)
    ids = world.publish_many(100)
    withdrawn = 0
    for _ in range(KILLS):
        processes = [_send(world) for _ in range(senders)]
        ids += world.publish_many(chance.randrange(60))
        if len(ids) > 20:
            gone = [ids.pop(chance.randrange(len(ids))) for _ in range(10)]
            world.withdraw(*gone)
            withdrawn += len(gone)
        if chance.random() < 0.3:
            world.republish(ids[0], f"What has changed for the {withdrawn}th time?")
        time.sleep(chance.random() * 1.2)
        for process in processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
    world.start()
    world.converge()
    assert len(world.indexed()) == len(ids)
