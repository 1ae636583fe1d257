"""A model's text as HTML: what it may contain, and what it never does."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.markdown import to_html

_ALLOWED = {
    *(
        "p",
        "br",
        "hr",
        "em",
        "strong",
        "s",
        "code",
        "pre",
        "span",
        "div",
        "blockquote",
        "a",
        "ul",
        "ol",
        "li",
    ),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]


def _parsed(html: str) -> _Tags:
    parser = _Tags()
    parser.feed(html)
    return parser


def test_markdown_becomes_html() -> None:
    html = to_html("# One\n\n*two* `three`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")

    for part in ("<h1>One</h1>", "<em>two</em>", "<code>three</code>", "<td>1</td>"):
        assert part in html


def test_code_gets_the_classes_of_its_colours() -> None:
    html = to_html("```python\ndef f(): pass\n```")

    assert '<span class="k">def</span>' in html


@pytest.mark.parametrize("language", ["", "no-such-language", "python onload=x"])
def test_code_of_no_known_language_stays_as_it_is(language: str) -> None:
    assert "a &lt; b" in to_html(f"```{language}\na < b\n```").replace(
        '<span class="o">&lt;</span>', "&lt;"
    ).replace('<span class="n">a</span>', "a").replace('<span class="n">b</span>', "b")


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](http://elsewhere.example/pixel.png)",
        "<style>*{display:none}</style>",
        "<iframe src='http://elsewhere.example'></iframe>",
        "<form action='http://elsewhere.example'><input></form>",
        "```html\n</code></pre><script>alert(1)</script>\n```",
        "```python\n<script>alert(1)</script>\n```",
        '[x](http://ok.example "onmouseover=alert(1)")',
        "<a href='javascript:alert(1)'>x</a>",
        "[x]: javascript:alert(1)\n\n[x]",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ],
)
def test_nothing_hostile_comes_out(hostile: str) -> None:
    _must_be_harmless(to_html(hostile))


@given(st.text(alphabet=st.sampled_from("<>&\"'`[]()!#*_|\\:/\n\t abjscript=\ud800\x00\u202e"), max_size=200))
def test_nothing_hostile_comes_out_of_any_text(text: str) -> None:
    _must_be_harmless(to_html(text))


def test_half_a_character_is_shown_as_a_replacement() -> None:
    assert "a\ufffdb" in to_html("a\ud800b")


@pytest.mark.parametrize("text", ["<b>" + "[" * 5_000, "<b>" + "a " * 300_000])
def test_what_would_take_seconds_to_parse_is_shown_as_it_is(text: str) -> None:
    assert to_html(text) == f"<pre>&lt;b&gt;{text[3:]}</pre>"


def test_many_links_and_nested_lists_of_code_are_parsed_all_the_same() -> None:
    assert to_html("[a](https://b) " * 5_000).count("<a ") == 5_000
    assert "<code>" in to_html("```\n" + "[" * 200 + "]" * 200 + "\n```")


def _must_be_harmless(html: str) -> None:
    found = _parsed(html)
    assert found.tags <= _ALLOWED
    for tag, name, value in found.attributes:
        assert (tag, name) in {
            ("a", "href"),
            ("a", "rel"),
            ("a", "title"),
            ("span", "class"),
            ("div", "class"),
            ("ol", "start"),
        }
        if name == "href":
            assert value is not None
            assert ":" not in value.split("/")[0] or value.split(":")[0].lower() in {
                "http",
                "https",
                "mailto",
            }
