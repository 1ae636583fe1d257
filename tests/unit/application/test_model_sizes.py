from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.model_sizes import SIZES, recommend

GB = 1_000_000_000
PLENTY = 2_000 * GB


@pytest.mark.parametrize(
    ("ram", "vram", "best"),
    [
        pytest.param(2, 0, None, id="too small for anything"),
        pytest.param(4, 0, "1.5b", id="a small machine"),
        pytest.param(8, 0, "7b", id="8 GB of RAM"),
        pytest.param(16, 0, "8b", id="16 GB of RAM"),
        pytest.param(128, 0, "8b", id="much RAM and no GPU: larger ones fit and crawl"),
        pytest.param(16, 8, "8b", id="a GPU of 8 GB"),
        pytest.param(64, 24, "14b", id="a GPU of 24 GB"),
        pytest.param(64, 48, "32b", id="a GPU of 48 GB"),
        pytest.param(64, 80, "70b", id="a GPU of 80 GB"),
        pytest.param(1024, 640, "671b", id="a rack"),
        pytest.param(4, 24, "14b", id="a large GPU in a small machine"),
    ],
)
def test_the_best_size_is_the_largest_that_runs_pleasantly(ram: int, vram: int, best: str | None) -> None:
    recommended = recommend(ram * GB, vram * GB, PLENTY)
    assert (recommended.best.tag if recommended.best else None) == best


def test_every_size_is_judged_and_says_why() -> None:
    verdicts = {verdict.size.tag: verdict for verdict in recommend(32 * GB, 12 * GB, PLENTY).verdicts}
    assert list(verdicts) == ["1.5b", "7b", "8b", "14b", "32b", "70b", "671b"]
    assert (verdicts["8b"].where, verdicts["8b"].fits) == ("gpu", True)
    assert verdicts["8b"].why == "needs about 7.4 GB of memory: runs on the GPU"
    assert verdicts["14b"].where == "gpu and cpu"
    assert verdicts["14b"].why.endswith("partly on the GPU, so slowly")
    assert (verdicts["70b"].where, verdicts["70b"].fits) == ("nowhere", False)
    assert "more than there is" in verdicts["70b"].why


def test_a_full_disk_is_named_unless_the_model_is_there_already() -> None:
    full = recommend(64 * GB, 0, 3 * GB)
    verdict = next(verdict for verdict in full.verdicts if verdict.size.tag == "8b")
    assert (verdict.fits, verdict.why) == (False, "needs 6.2 GB of disk, 3.0 GB are free")
    assert full.best is not None
    assert full.best.name == "deepseek-r1:1.5b"
    there = recommend(64 * GB, 0, 0, installed=["deepseek-r1:8b"])
    assert there.best is not None
    assert there.best.name == "deepseek-r1:8b"


def test_memory_shared_with_the_gpu_counts_once() -> None:
    shared = recommend(16 * GB, 11 * GB, PLENTY, unified=True)
    apart = recommend(16 * GB, 11 * GB, PLENTY)
    where = [{v.size.tag: v.where for v in found.verdicts} for found in (shared, apart)]
    assert (where[0]["14b"], where[1]["14b"]) == ("cpu", "gpu and cpu")
    assert (where[0]["32b"], where[1]["32b"]) == ("nowhere", "nowhere")


def test_a_longer_context_needs_more_memory() -> None:
    assert recommend(12 * GB, 0, PLENTY).best == SIZES[2]
    assert recommend(12 * GB, 0, PLENTY, context_tokens=65_536).best == SIZES[1]


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 2**41), st.integers(0, 2**35))
def test_more_of_anything_never_makes_fewer_sizes_fit(ram: int, vram: int, disk: int, more: int) -> None:
    def fitting(*machine: int) -> set[str]:
        return {verdict.size.tag for verdict in recommend(*machine).verdicts if verdict.fits}

    before = fitting(ram, vram, disk)
    assert before <= fitting(ram + more, vram, disk)
    assert before <= fitting(ram, vram + more, disk)
    assert before <= fitting(ram, vram, disk + more)


def test_a_model_may_be_shared_between_gpu_and_memory() -> None:
    where = {verdict.size.tag: verdict.where for verdict in recommend(20 * GB, 40 * GB, PLENTY).verdicts}
    assert (where["32b"], where["70b"], where["671b"]) == ("gpu", "gpu and cpu", "nowhere")
