"""The reader's language in the stories, which are told in English and in 中文."""

from __future__ import annotations

from dataclasses import dataclass

import job_words
import people_words
from playwright.sync_api import Page
from words_left import english_left

CHINESE = {**people_words.CHINESE, **job_words.CHINESE}


@dataclass(frozen=True, slots=True)
class Say:
    """``say("Sign in")`` is what a page says for it; what is missing here fails the test."""

    language: str

    def __call__(self, english: str, *values: object) -> str:
        words = CHINESE[english] if self.language == "zh" else english
        return words % values if values else words

    def only(self, page: Page, *names: str) -> None:
        """Nothing on the page is in another language; ``names`` are what the story has made."""
        left = english_left(page, *names) if self.language == "zh" else []
        assert not left, left
