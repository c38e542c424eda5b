"""Random stories; ``AOLI_STORIES=500`` tells more of them than the usual few."""

from __future__ import annotations

import os

import pytest
from house import House
from story import Story

STORIES = int(os.environ.get("AOLI_STORIES", "4"))
STEPS = 120


@pytest.mark.parametrize("seed", range(STORIES))
def test_a_random_story(house: House, seed: int) -> None:
    story = Story(house, seed)
    try:
        story.tell(STEPS)
        story.finish(rounds=400)
    except BaseException:
        print("seed", seed, "steps", len(story.told), story.told[-12:])
        raise
