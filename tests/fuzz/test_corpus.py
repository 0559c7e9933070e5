"""What the fuzzer once found worth keeping, and every seed, is read again: no promise is broken by any of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.fuzz import CORPUS, TARGETS, target
from tests.fuzz.__main__ import KEPT_BYTES


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Without the log of thousands of hostile inputs."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_breaks_no_promise(name: str) -> None:
    kept = sorted((CORPUS / name).iterdir())
    assert kept
    for path in kept:
        try:
            target(name).check(path.read_bytes())
        except BaseException as fault:
            fault.add_note(f"the input is {path}")
            raise


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_break_no_promise(name: str) -> None:
    seeds = list(target(name).seeds())
    assert seeds
    for seed in seeds:
        target(name).check(seed)


def test_the_corpus_is_small_and_every_folder_of_it_has_its_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    for name in TARGETS:
        assert sum(path.stat().st_size for path in (CORPUS / name).iterdir()) <= KEPT_BYTES
