"""The page in a browser: by itself, in every light, on every width and on paper."""

import json

import pytest

from lab.report.page import write_report

OWN = "document.title='owned'"
EVIL = f'<script>{OWN}</script><img src=x onerror="{OWN}">'
CONTRAST = """(ours) => {
  const luminance = (text) => {
    const [r, g, b] = text.match(/[0-9.]+/g).map((x) => x / 255)
      .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const page = luminance(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll(ours)].map((each) => {
    const ink = luminance(getComputedStyle(each).color);
    return (Math.max(ink, page) + 0.05) / (Math.min(ink, page) + 0.05);
  });
}"""
INK = """() => getComputedStyle(document.querySelector('#curves [style*="fill: var(--figure-ink"]'))
  .fill"""
RIGHT = """() => Math.max(...[...document.querySelectorAll('main > *, section > *')]
  .map((each) => each.getBoundingClientRect().right))"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, asking):
    """A finished sweep whose question, error and rule are hostile, with its report."""
    from tests.report.sweeps import Truth, build_sweep

    truth = Truth(lost={("confirm", "rope", 2): "failed"}, error=f"Error: {EVIL}")
    asked = asking(question=f"Is {EVIL} best?")
    made = build_sweep(tmp_path_factory.mktemp("browser") / "posenc", asked, truth)
    plan = json.loads((made / "plan.json").read_text())
    (made / "plan.json").write_text(json.dumps({**plan, "rule": EVIL}))
    write_report(made)
    return made


def test_hostile_texts_are_read_and_not_run(folder, opened):
    page = opened(folder)
    assert page.title() == f"Is {EVIL} best?"
    assert page.locator("h1").inner_text() == f"Is {EVIL} best?"
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1
    assert page.locator("table.mishaps").inner_text().count(EVIL) == 1


def test_only_the_pages_own_script_may_run(folder, opened, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto((folder / "report" / "index.html").as_uri())
    page.evaluate(
        "(text) => document.body.append(Object.assign(document.createElement('script'),"
        "{textContent: text}))",
        OWN,
    )
    assert page.title() == f"Is {EVIL} best?"
    context.close()


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_nothing_is_wider_than_the_window(folder, opened, width):
    page = opened(folder, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(RIGHT) <= width


def test_the_contents_lead_to_every_section(folder, opened):
    wide, narrow = (opened(folder, viewport={"width": w, "height": 800}) for w in (1440, 390))
    titles = wide.locator("h2").all_inner_texts()
    assert wide.locator("nav a:visible").all_inner_texts() == titles
    assert narrow.locator("nav a:visible").count() == 0
    narrow.get_by_text("Contents").last.click()
    assert narrow.locator("nav a:visible").all_inner_texts() == titles
    for link in narrow.locator("nav a:visible").all():
        assert narrow.locator(link.get_attribute("href")).count() == 1


def test_the_dark_page_is_dark_and_its_figures_with_it(folder, opened):
    light, dark = (opened(folder, color_scheme=scheme) for scheme in ("light", "dark"))
    ground = "getComputedStyle(document.body).backgroundColor"
    assert light.evaluate(ground) == "rgb(255, 255, 255)"
    assert sum(map(int, dark.evaluate(ground)[4:-1].split(", "))) < 120
    assert light.evaluate(INK) == "rgb(34, 34, 34)"
    assert min(map(int, dark.evaluate(INK)[4:-1].split(", "))) > 200
    for page in (light, dark):
        assert min(page.evaluate(CONTRAST, "p, li, td, th, figcaption, h1, h2, .kind")) >= 4.5


def test_paper_shows_everything(folder, opened):
    page = opened(folder, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("nav").is_hidden()
    clipped = """() => [...document.querySelectorAll('.wide, .drawing')]
      .filter((x) => getComputedStyle(x).overflow !== 'visible').length"""
    assert page.evaluate(clipped) == 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
    assert page.pdf(format="A4").startswith(b"%PDF")
