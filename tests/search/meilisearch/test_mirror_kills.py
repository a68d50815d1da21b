"""A mirror that is killed at any moment loses no change and restores no withdrawn question."""

import os
import random
import subprocess
import sys
import time

import pytest

from tests.search.support.mirroring import Deployment

pytestmark = pytest.mark.campaign

KILLS = int(os.environ.get("QUIZWELL_KILLS", "4"))


def _start_process(deployment: Deployment) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.search.support.mirror_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(deployment.settings.model_dump_json().encode())
    process.stdin.close()
    assert process.stdout.readline() == b"started\n"
    return process


@pytest.mark.parametrize("process_count", [1, 2])
def test_mirrors_that_are_killed_lose_nothing(deployment: Deployment, process_count: int) -> None:
    rng = random.Random(process_count)
    ids = deployment.publish_many(100)
    withdrawn_count = 0
    for _ in range(KILLS):
        processes = [_start_process(deployment) for _ in range(process_count)]
        ids += deployment.publish_many(rng.randrange(60))
        if len(ids) > 20:
            withdrawn_ids = [ids.pop(rng.randrange(len(ids))) for _ in range(10)]
            deployment.withdraw(*withdrawn_ids)
            withdrawn_count += len(withdrawn_ids)
        if rng.random() < 0.3:
            deployment.republish(ids[0], f"What has changed for the {withdrawn_count}th time?")
        time.sleep(rng.random() * 1.2)
        for process in processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
    deployment.start_mirror()
    deployment.converge()
    assert len(deployment.signatures()) == len(ids)
