"""What stands on top of a report, as a page and as Markdown."""

import pytest

from lab.report.judging.verdict import Verdict
from lab.report.pages.render import KINDS, Report, to_html, to_markdown
from lab.report.pages.sections import Content

EMPTY = Content(texts={}, tables={}, figures={}, words=(), commands=())


def report(**parts):
    plain = {
        "name": "posenc", "plan": "c0", "question": "Which?", "measure": "Lower is better.",
        "verdicts": (), "controls": (), "answer": None, "facts": None, "unfinished": False,
        "changes": (), "useful": 0.9, "sources": (), "content": EMPTY, "sections": (),
    }  # fmt: skip
    return Report(**{**plain, **parts})


def verdict(kind, *caveats, variant="rope"):
    return Verdict(
        variant, "learned", kind, "test/loss", sentence=f"{variant} is {kind}.", caveats=caveats
    )


def test_a_control_that_was_decided_comes_first_and_is_flagged():
    made = report(
        verdicts=[verdict("equivalent")], controls=[verdict("decided", variant="learned-twin")]
    )
    alarm, card = made.cards
    assert (alarm.tone, alarm.verdict.variant) == ("alarm", "learned-twin")
    assert (card.tone, card.label) == ("equivalent", "Equivalent")
    page, markdown = to_html(made), to_markdown(made)
    assert page.index('class="card alarm"') < page.index('class="card equivalent"')
    assert markdown.index("learned-twin is decided") < markdown.index("rope is equivalent")


@pytest.mark.parametrize("kind", ["undecided", "equivalent", "unmeasured"])
def test_a_control_that_was_not_decided_is_no_alarm(kind):
    made = report(verdicts=[verdict("decided")], controls=[verdict(kind, variant="learned-twin")])
    assert [card.tone for card in made.cards] == ["decided"]
    assert "learned-twin" not in to_html(made)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_verdict_has_a_card(kind):
    made = report(verdicts=[verdict(kind, "the tuning was coarse")])
    assert f'<p class="kind">{KINDS[kind]}</p>' in to_html(made)
    assert f"**{KINDS[kind]}.** rope is {kind}." in to_markdown(made)
    assert "<li>The tuning was coarse.</li>" in to_html(made)
    assert "- The tuning was coarse." in to_markdown(made)


def test_numbers_stay_with_their_signs():
    sentence = "5 % of n = 4"
    made = report(changes=["not tied 5 %"], verdicts=[verdict("decided", sentence)])
    assert "5\N{NO-BREAK SPACE}% of n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}4" in to_html(made)
    assert "5 % of n = 4" in to_markdown(made)


def test_what_a_reader_must_know_first_is_first():
    made = report(unfinished=True, changes=["The plan <b>changed</b>."])
    page = to_html(made)
    assert "This sweep is not finished." in page
    assert "The plan &lt;b&gt;changed&lt;/b&gt;." in page
    assert "> The plan &lt;b&gt;changed&lt;/b&gt;." in to_markdown(made)
