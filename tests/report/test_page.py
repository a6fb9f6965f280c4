"""The report in a real browser: what is shown, filters, keys, links, and words that stay words."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from benchmarks.reported import SYSTEMS
from pipeline.report.files import ReportFiles
from tests.report.conftest import ESCAPES, HEBREW, MARKUP, NO_PICTURE, TEXTS, ready

POSTS = len(TEXTS["test"])


def go_to(page: Page, post: str) -> None:
    page.evaluate("post => { location.hash = '#' + new URLSearchParams({ post }) }", post)
    expect(page.locator(f"[data-post='{post}'].drawn.current")).to_be_in_viewport()


def shown(page: Page) -> list[str]:
    """The posts in the list, drawn or not."""
    names: list[str] = page.eval_on_selector_all(".card", "cards => cards.map(c => c.dataset.post)")
    return names


def choose(page: Page, **fields: str) -> list[str]:
    """Set fields of the filter by hand: the posts that pass it."""
    for name, value in fields.items():
        if name == "text":
            page.fill("[name=text]", value)
        else:
            page.select_option(f"[name={name}]", value)
    return shown(page)


def test_it_shows_the_leaderboard_the_plots_and_the_posts(page: Page) -> None:
    assert page.title() == "by chance: report"
    rows = page.locator("#leaderboard tbody tr")
    assert rows.count() == len(SYSTEMS)
    expect(rows.last).to_contain_text("last")
    assert page.locator("#groups figure").count() == 4
    page.click("a[href='#confusion']")
    expect(page.locator("#confusion figure")).to_have_count(len(SYSTEMS))
    expect(page.locator("#confusion figure").first).to_be_visible()
    page.click("a[href='#curves']")
    expect(page.locator("#curves polyline.curve").first).to_be_visible()
    expect(page.locator("#count")).to_have_text(f"{POSTS} of {POSTS} posts")
    assert len(shown(page)) == POSTS


def test_cards_are_drawn_as_they_come_into_view(page: Page) -> None:
    last = page.locator(".card").last
    expect(last).not_to_have_class(re.compile("drawn"))
    last.scroll_into_view_if_needed()
    expect(last).to_have_class(re.compile("drawn"))
    assert page.locator(".card:not(.drawn)").count() > 0


def test_a_card_tells_what_is_known_of_a_post(page: Page) -> None:
    go_to(page, "test/0")
    card = page.locator("[data-post='test/0']")
    expect(card.locator(".token")).to_have_text(list(TEXTS["test"][0][0]))
    marks = card.locator(".span.gold")
    expect(marks).to_have_text(["PERunseen", "LOC"])  # PARIS is in train, in other letters
    expect(card.locator(".lane-name")).to_have_count(1 + len(SYSTEMS))
    expect(card.locator(".tags .name")).to_have_count(5)
    facts = card.locator(".facts")
    expect(facts).to_contain_text("a picture of thing")
    expect(facts).to_contain_text("hash GreatWall")
    expect(facts.locator(".path")).to_have_text(
        re.compile("Kobe→One thing— knows →Other_thing1 hop, pictures alike by 0.93")
    )
    expect(facts.locator(".triples")).to_have_text("other thing · isA · kind of thing")
    for picture in (".picture img", ".depicted"):
        assert card.locator(picture).evaluate("image => image.decode().then(() => image.width)") > 0
    go_to(page, NO_PICTURE)
    expect(page.locator(f"[data-post='{NO_PICTURE}'] .nothing")).to_have_text(
        "the post names no picture"
    )


def test_marks_are_told_apart_without_colour(page: Page) -> None:
    """By the type's name, a sign, and a border."""
    page.evaluate("document.querySelector('#posts').scrollIntoView()")
    right, wrong = page.locator(".span.right").first, page.locator(".span.wrong").first
    expect(right).to_have_text(re.compile(r"^[A-Z]+✓$"))
    expect(wrong).to_have_text(re.compile(r"^[A-Z]+✗$"))
    borders = [mark.evaluate("e => getComputedStyle(e).borderStyle") for mark in (right, wrong)]
    assert borders == ["solid", "dashed"]


@pytest.mark.parametrize("how", ["hover", "focus", "click"])
def test_a_token_shows_what_the_systems_looked_at(page: Page, how: str) -> None:
    go_to(page, "test/0")
    card = page.locator("[data-post='test/0']")
    getattr(card.locator(".token").nth(1), how)()
    panel = card.locator(".panel")
    expect(panel).to_contain_text("What the systems looked at for Bryant")
    expect(panel.locator(".saw")).to_have_count(sum(map(bool, SYSTEMS.values())))
    expect(panel.locator(".overlay canvas")).to_have_count(2)
    expect(panel.locator(".saw", has_text="modality_attention").locator(".name")).to_have_text(
        ["words", "characters", "image"]
    )
    expect(panel).to_contain_text("fusion gate")
    canvas = panel.locator(".overlay canvas").first
    alpha = """canvas => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(data.filter((_, i) => i % 4 === 3)).size;
    }"""
    page.wait_for_function("canvas => canvas.width === 256", arg=canvas.element_handle())
    assert canvas.evaluate(alpha) > 10  # regions of many weights, not one flat shade


def test_filters(page: Page, files: ReportFiles) -> None:
    texts = TEXTS["test"]
    assert choose(page, type="ORG") == ["test/1"]
    assert choose(page, type="", picture="without") == [NO_PICTURE, f"test/{POSTS - 1}"]
    assert choose(page, picture="", entities="seen") == ["test/0"]
    assert choose(page, entities="", text="great") == ["test/0"]
    assert choose(page, text="HASH greatw") == ["test/0"]
    assert choose(page, text="no such words") == []
    expect(page.locator("#scores")).to_have_text("No post passes this filter.")
    found = choose(page, text="", knowledge="found")
    assert sorted(found + choose(page, knowledge="none")) == sorted(
        f"test/{place}" for place in range(len(texts))
    )
    page.click("#filters [type=reset]")
    assert len(shown(page)) == POSTS


def test_a_system_right_where_another_is_wrong(page: Page) -> None:
    found = choose(page, right="bilstm_crf", wrong="trimod")
    assert 0 < len(found) < POSTS
    for post in (found[0], found[-1]):
        go_to_shown(page, post)
        names = page.locator(f"[data-post='{post}'] .lane-name")
        expect(names.filter(has_text=re.compile("^bilstm_crf"))).to_have_text("bilstm_crf✓")
        expect(names.filter(has_text="trimod")).to_have_text("trimod✗")


def go_to_shown(page: Page, post: str) -> None:
    page.locator(f"[data-post='{post}']").scroll_into_view_if_needed()
    expect(page.locator(f"[data-post='{post}'].drawn")).to_be_visible()


def test_links_to_a_filter_and_to_a_post(page: Page, files: ReportFiles) -> None:
    found = choose(page, wrong="trimod", text="word")
    address = page.url
    assert address.endswith("#text=word&wrong=trimod")
    page.goto("about:blank")
    page.goto(address)
    ready(page)
    assert shown(page) == found
    assert page.input_value("[name=wrong]") == "trimod"
    page.locator(".card").first.scroll_into_view_if_needed()
    link = page.locator(".card.drawn a").first
    post = link.evaluate("a => a.closest('.card').dataset.post")
    link.click()
    assert page.url == f"{files.page.as_uri()}#post={post.replace('/', '%2F')}"
    expect(page.locator(f"[data-post='{post}'].current")).to_be_in_viewport()
    assert len(shown(page)) == POSTS  # whom it is sent to sees the others, too
    page.goto("about:blank")
    page.goto(f"{files.page.as_uri()}#post=test/20")
    expect(page.locator("[data-post='test/20'].current")).to_be_in_viewport()
    page.wait_for_load_state("load")
    page.wait_for_function(  # cards near it are drawn, and do not push it away
        """() => {
          const { y } = document.querySelector("[data-post='test/20']").getBoundingClientRect();
          return 0 <= y && y < 150 && document.querySelectorAll(".card.drawn").length > 2;
        }"""
    )
    page.goto(f"{files.page.as_uri()}#post=test/9999")
    expect(page.locator("#count")).to_contain_text("test/9999 is none of them")


def test_keys(page: Page) -> None:
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".card.current")).to_have_attribute("data-post", "test/1")
    page.keyboard.press("k")
    expect(page.locator(".card.current")).to_have_attribute("data-post", "test/0")
    page.keyboard.press("Tab")  # its link
    page.keyboard.press("Tab")
    expect(page.locator(".token:focus")).to_have_text("Kobe")
    expect(page.locator(".card.current .panel")).to_contain_text("for Kobe")
    page.keyboard.press("/")
    expect(page.locator("[name=text]")).to_be_focused()
    page.keyboard.type("jk?")
    assert page.input_value("[name=text]") == "jk?"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()


def test_markup_and_escapes_in_posts_are_words(page: Page) -> None:
    go_to(page, "test/1")
    card = page.locator("[data-post='test/1']")
    expect(card.locator(".token").first).to_have_text(MARKUP)
    expect(card.locator(".token").nth(2)).to_have_text("&amp;")
    assert page.title() == "by chance: report"  # neither script nor handler ran
    assert page.locator(".token script, .token img").count() == 0
    go_to(page, "test/3")
    assert page.locator("[data-post='test/3'] .token").first.text_content() == ESCAPES


def test_right_to_left_text_reads_so(page: Page) -> None:
    go_to(page, "test/2")
    tokens = page.locator("[data-post='test/2'] .token")
    expect(tokens).to_have_text(list(HEBREW))
    left = [tokens.nth(place).bounding_box()["x"] for place in range(3)]  # type: ignore[index]
    assert left[0] > left[1] > left[2]
    gold = page.locator("[data-post='test/2'] .span.gold").bounding_box()
    second = tokens.nth(1).bounding_box()
    assert gold is not None
    assert second is not None
    assert gold["x"] == pytest.approx(second["x"], abs=1)  # its mark stands below the word


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
)
def test_screenshot(page: Page, tmp_path: Path, scheme: str, width: int) -> None:
    """The page fits its window, follows the scheme, and shows its parts in ink of many shades."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    go_to(page, "test/0")
    page.locator("[data-post='test/0'] .token").first.click()
    expect(page.locator("[data-post='test/0'] .overlay canvas").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    path = tmp_path / "page.png"
    page.screenshot(path=path)
    with Image.open(path) as taken:
        assert taken.size == (width, 900)
        colours = taken.convert("RGB").getcolors(1 << 24) or []
        paper = max(colours)[1]
        assert len(colours) > 1000  # a picture and text, no blank page
        assert (sum(paper) > 600) == (scheme == "light")
    page.click("#theme", force=True)
    page.screenshot(path=path)
    with Image.open(path) as taken:
        other = max(taken.convert("RGB").getcolors(1 << 24) or [])[1]
    assert (sum(other) > 600) != (scheme == "light")


def test_it_needs_nothing_beside_itself(page: Page, files: ReportFiles, tmp_path: Path) -> None:
    """Alone in a folder it is the same, and it allows itself to load nothing."""
    alone = tmp_path / "alone.html"
    alone.write_bytes(files.page.read_bytes())
    page.goto(alone.as_uri())
    ready(page)
    assert len(shown(page)) == POSTS
    policy = page.get_attribute("meta[http-equiv]", "content") or ""
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert json.dumps(policy).count("sha256-") == 2
