"""The table of runs in a browser: sorted, filtered, by keyboard too, and without scripts."""

import pytest

from lab.files import write_json
from lab.report.collect import open_sweep
from lab.report.page import write_report
from tests.report.sweeps import Truth, build_sweep


@pytest.fixture(scope="module")
def folder(tmp_path_factory, question):
    lost = {("tune", "rope", 0): "diverged", ("confirm", "rope", 2): "failed"}
    root = tmp_path_factory.mktemp("browser")
    made = build_sweep(root / "experiments" / "posenc", question, Truth(lost=lost))
    for name in open_sweep(made).runs()["package"].dropna():
        write_json(root / "artifacts" / "posenc" / name / "manifest.json", {})
    write_report(made)
    return made


def column(page, name):
    """What the visible rows say in a column."""
    place = page.locator("table.runs thead th").all_inner_texts().index(name)
    cells = "(rows, place) => rows.map((row) => row.cells[place].textContent)"
    return page.eval_on_selector_all("table.runs tbody tr:not([hidden])", cells, place)


def header(page, name):
    return page.locator("table.runs th", has=page.get_by_role("button", name=name, exact=True))


def test_a_column_of_numbers_is_sorted_by_its_numbers(folder, opened):
    page, truth = opened(folder), open_sweep(folder).tables()["runs"]
    before = column(page, "Run")
    seconds = dict(zip(truth["Run"], truth["Seconds"], strict=True))
    assert truth["Seconds"].isna().any()
    page.get_by_role("button", name="Seconds").click()
    runs = column(page, "Run")
    known = [seconds[run] for run in runs if seconds[run] == seconds[run]]
    assert known == sorted(known)
    assert column(page, "Seconds")[len(known) :] == ["–"] * (len(runs) - len(known))
    assert header(page, "Seconds").get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="Seconds").click()
    down = [seconds[run] for run in column(page, "Run")]
    assert down[: len(known)] == sorted(known, reverse=True)
    assert column(page, "Seconds")[-1] == "–"  # what is not known stays last
    assert header(page, "Seconds").get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="Steps").click()
    assert header(page, "Seconds").get_attribute("aria-sort") is None
    steps = [int(text.replace(",", "")) for text in column(page, "Steps")]
    assert steps == sorted(steps)
    assert sorted(column(page, "Run")) == sorted(before)


def test_a_column_of_words_is_sorted_as_people_count(folder, opened):
    page = opened(folder)
    page.get_by_role("button", name="Variant").click()
    found = column(page, "Variant")
    assert found == sorted(found)
    assert len({*found}) == 4


def test_a_keyboard_is_enough(folder, opened):
    page = opened(folder)
    page.get_by_role("button", name="Run", exact=True).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert header(page, "Variant").get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert header(page, "Variant").get_attribute("aria-sort") == "descending"


def test_rows_are_filtered_and_counted(folder, opened):
    page, truth = opened(folder), open_sweep(folder).tables()["runs"]
    count, n = page.locator(".filters output"), len(truth)
    assert count.inner_text() == f"{n} of {n} runs"
    page.get_by_label("Filter runs").fill("ROPE confirm")
    rope = truth[(truth["Variant"] == "rope") & (truth["Phase"] == "confirm")]
    assert count.inner_text() == f"{len(rope)} of {n} runs"
    assert column(page, "Run") == list(rope["Run"])
    page.get_by_label("Status").select_option("failed")
    assert column(page, "Run") == list(rope[rope["Status"] == "failed"]["Run"])
    assert count.inner_text() == f"1 of {n} runs"
    page.get_by_label("Filter runs").fill("no such run")
    assert count.inner_text() == f"0 of {n} runs"
    page.get_by_label("Filter runs").fill("")
    page.get_by_label("Status").select_option("")
    page.get_by_label("Phase").select_option("tune")
    assert column(page, "Run") == list(truth[truth["Phase"] == "tune"]["Run"])


def test_what_is_filtered_stays_so_when_sorted(folder, opened):
    page = opened(folder)
    page.get_by_label("Phase").select_option("tune")
    before = column(page, "Run")
    page.get_by_role("button", name="Seconds").click()
    assert sorted(column(page, "Run")) == sorted(before)


def test_without_scripts_it_is_a_plain_table(folder, opened):
    page = opened(folder, java_script_enabled=False)
    assert page.locator("table.runs tbody tr").count() == len(open_sweep(folder).records())
    assert page.locator("button, input, select").count() == 0


def test_a_package_is_linked_beside_the_experiments(folder, opened):
    page = opened(folder)
    link = page.get_by_role("link", name="package").first
    where = link.evaluate("(a) => a.href")
    artifacts = folder.parents[1] / "artifacts" / "posenc"
    assert where.startswith(f"{artifacts.as_uri()}/")
