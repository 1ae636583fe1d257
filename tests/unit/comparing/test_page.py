"""The page of a comparison: whole, alone, and nobody's words are its markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from domain.ids import new_id
from interfaces.comparing import plots
from interfaces.comparing.as_html import pieces
from interfaces.comparing.figures import comparison
from interfaces.comparison_views import ComparedPromptView, ComparisonView
from tests.support.comparisons import answer, prompt, run

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \"' </table></style> &amp; {{ 7*7 }} \ud800"


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def found(*prompts: ComparedPromptView, model: str = "small") -> ComparisonView:
    return comparison(new_id(), "complete", [model], prompts)


def page(view: ComparisonView) -> str:
    return "".join(pieces(view))


def many(count: int = 12) -> ComparisonView:
    return found(
        *(
            prompt(
                run(
                    ("identical", "near", "different")[at % 3],
                    (1.0, 0.9, 0.1)[at % 3],
                    new=answer(f"The sky looks blue {at}.", tokens_per_second=40.0 + at, total_ms=100.0),
                ),
                old=answer("The sky is blue.", tokens_per_second=10.0, total_ms=400.0 + at),
            )
            for at in range(count)
        )
    )


def test_nobodys_words_are_markup() -> None:
    hostile = prompt(
        run("different", 0.1, new=answer(HOSTILE + "new", model=HOSTILE, status="failed", detail=HOSTILE)),
        text=HOSTILE,
        old=answer(HOSTILE, model=HOSTILE, tokens_per_second=3.0),
    )
    text = page(found(hostile, model=HOSTILE))

    tags = Tags()
    tags.feed(text)
    assert {tag for tag, _ in tags.found}.isdisjoint({"script", "img", "link", "iframe", "form", "base"})
    assert not [name for _, attrs in tags.found for name in attrs if name.startswith("on") or name == "style"]
    assert all((attrs.get("href") or "#").startswith("#") for _, attrs in tags.found)
    assert "49" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL).split("</h1>")[0]
    assert "\ud800" not in text


def test_it_needs_nothing_else() -> None:
    text = page(many())
    tags = Tags()
    tags.feed(text)
    policies = [attrs["content"] for _, attrs in tags.found if "http-equiv" in attrs]
    assert [(policy or "").split(";")[0] for policy in policies] == ["default-src 'none'"]
    assert not re.findall(r"(?:src|href)=\"(?!#)[^\"]+\"", text)
    assert "url(" not in text
    assert "@import" not in text


def test_words_that_differ_are_marked_and_the_worst_comes_first() -> None:
    text = page(many())
    assert "<del>is</del>" in text
    assert re.search(r"<ins>looks</ins>", text)
    order = re.findall(r'<td class="verdict"><span class="(\w+)"', text)
    assert order == ["different"] * 4 + ["near"] * 4 + ["identical"] * 4
    assert "8 of 12" in text
    assert text.count("<svg") == 4


def test_of_nothing_compared_there_is_a_page_without_plots() -> None:
    text = page(found(prompt(run(None, None, new=None), text=None)))
    assert "Nothing could be compared yet." in text
    assert "<svg" not in text
    assert "(cannot be read any more)" in text


def test_repetitions_are_all_there() -> None:
    text = page(
        found(prompt(run("identical", 1.0), run("near", 0.9, repeat=2, new=answer("Blue, the sky is."))))
    )
    assert "Answer 1: identical" in text
    assert "Answer 2: near" in text


class TestPlots:
    def test_bars_stand_on_each_other_and_stay_within(self) -> None:
        drawn = plots.likeness(many(30))
        assert drawn is not None
        assert sum(int(bar.told.split()[0]) for bar in drawn.bars) == 30
        for bar in drawn.bars:
            assert plots.LEFT <= bar.x <= plots.WIDTH - plots.RIGHT
            assert plots.TOP - 0.2 <= bar.y <= plots.HEIGHT - plots.BOTTOM
            assert bar.height > 0

    @pytest.mark.parametrize("value", [0.0, 0.003, 1.0, 7.0, 99.5, 100.0, 123_456.0])
    def test_scales_hold_every_value(self, value: float) -> None:
        def one(**values: Any) -> ComparedPromptView:
            return prompt(run("near", 0.9, new=answer(**values)), old=answer(total_ms=0.0))

        drawn = plots.strips(found(one(total_ms=value)), "Time", lambda found: found.total_ms)
        assert drawn is not None
        [_, new] = drawn.strips
        assert plots.LEFT <= new.dots[0].x <= plots.WIDTH - plots.RIGHT + 0.1
        assert 2 <= len(drawn.across) <= 8

    def test_a_figure_that_one_side_does_not_tell_has_no_plot(self) -> None:
        told = prompt(run("near", 0.9, new=answer(total_ms=3.0)))
        assert plots.strips(found(told), "Time", lambda one: one.total_ms) is None
        assert plots.likeness(found()) is None
