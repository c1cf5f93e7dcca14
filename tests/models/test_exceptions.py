"""Known exceptions are data with a reason, a role and an end, checked against the rest of the catalogue."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from models.catalogue import check_summary, load_catalogue
from models.catalogue.load import PACKAGED
from models.errors import CatalogueError
from models.exceptions import RULES, KnownException

WHOLE = """\
exceptions:
- dataset: statfin/tyonv/12r5
  rule: jumps
  contents: [unemployed]
  areas: [KU205, MK18]
  periods: ['2027M01']
  reason_fi: Uudistus.
  reason_en: A reform.
  role: tilastosuunnittelija
  expires: 2027-06-30
- dataset: statfin/vaerak/11ra
  rule: revised share
  reason_fi: Uusi määritelmä.
  reason_en: A new definition.
  role: tilastosuunnittelija
  expires: '2027-12-31'
"""


@pytest.fixture
def with_exceptions(tmp_path):
    """The packaged catalogue with another exceptions.yaml (None: with none)."""

    def load(text):
        folder = tmp_path / "kajaani"
        for path in PACKAGED.rglob("*"):
            if path.suffix in (".yaml", ".csv"):
                copy = folder / path.relative_to(PACKAGED)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
        target: Path = folder / "exceptions.yaml"
        target.unlink(missing_ok=True)
        if text is not None:
            target.write_text(text, "utf-8")
        return load_catalogue(folder)

    return load


@pytest.fixture
def problems(with_exceptions):
    def find(text):
        with pytest.raises(CatalogueError) as caught:
            with_exceptions(text)
        return caught.value.problems

    return find


def test_exceptions_are_read_in_their_order(with_exceptions):
    catalogue = with_exceptions(WHOLE)
    one, other = catalogue.exceptions
    assert one == KnownException(
        dataset="statfin/tyonv/12r5",
        rule="jumps",
        reason_fi="Uudistus.",
        reason_en="A reform.",
        role="tilastosuunnittelija",
        expires=date(2027, 6, 30),
        contents=("unemployed",),
        areas=("KU205", "MK18"),
        periods=("2027M01",),
    )
    assert (other.expires, other.contents, other.areas, other.periods) == (date(2027, 12, 31), (), (), ())
    assert "known exceptions from the history gate: 2" in check_summary(catalogue)


def test_a_catalogue_without_the_file_has_no_exceptions(with_exceptions):
    assert with_exceptions(None).exceptions == ()
    assert with_exceptions("exceptions: []\n").exceptions == ()


def test_the_packaged_file_says_how_and_every_rule_by_its_id():
    text = (PACKAGED / "exceptions.yaml").read_text("utf-8")
    assert all(rule.id in " ".join(text.replace("#", " ").split()) for rule in RULES)
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_the_example_in_the_packaged_file_is_a_valid_entry(with_exceptions):
    text = (PACKAGED / "exceptions.yaml").read_text("utf-8")
    lines = text.splitlines()
    start = lines.index("# exceptions:")
    example = [line.removeprefix("# ") for line in lines[start:] if line.startswith("#")]
    (one,) = with_exceptions("\n".join(example) + "\n").exceptions
    assert one.rule == "jumps"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "dataset: statfin/vaerak/11ra",
            "dataset: statfin/vaerak/99zz",
            "there is no dataset 'statfin/vaerak/99zz'",
        ),
        ("rule: jumps", "rule: leaps", "'rule' is 'leaps', which is none of lost areas, "),
        ("  role: tilastosuunnittelija\n  expires: 2027-06-30", "  expires: 2027-06-30", "'role' is missing"),
        ("  reason_en: A reform.\n", "", "'reason_en' is missing"),
        ("  reason_fi: Uudistus.\n", "  reason_fi: ' '\n", "'reason_fi' is empty"),
        (
            "expires: 2027-06-30",
            "expires: next summer",
            "'expires' must be a day such as 2027-01-31, not next summer",
        ),
        (
            "expires: 2027-06-30",
            "expires: 2027-06-31",
            "'expires' must be a day such as 2027-01-31, not 2027-06-31",
        ),
        ("expires: 2027-06-30", "expires: [2027]", "'expires' must be a day such as 2027-01-31, not a list"),
        ("  expires: 2027-06-30\n", "", "'expires' is missing"),
        (
            "contents: [unemployed]",
            "contents: [unemployd]",
            "the dataset has no content 'unemployd'; it has ",
        ),
        ("areas: [KU205, MK18]", "areas: [KU999]", "there is no area 'KU999'"),
        ("periods: ['2027M01']", "periods: ['2027M13']", "'periods': '2027M13' is no period"),
        (
            "periods: ['2027M01']",
            "periods: [2027]",
            "'periods' must be text, not a number; write it in quotes",
        ),
        (
            "  role: tilastosuunnittelija\n  expires: 2027-06-30",
            "  who: x\n  role: x\n  expires: 2027-06-30",
            "unknown key 'who'",
        ),
        ("exceptions:\n", "exception:\n", "unknown key 'exception'"),
    ],
)
def test_an_exception_that_does_not_hold_together_is_refused_with_its_line(problems, old, new, said):
    assert WHOLE.count(old) == 1
    found = problems(WHOLE.replace(old, new))
    assert any(said in one for one in found), found
    assert all(one.startswith("kajaani/exceptions.yaml:") and "\n" not in one for one in found)


def test_an_exception_that_stands_twice_is_refused(problems):
    entry = WHOLE[WHOLE.index("- dataset: statfin/vaerak") :]
    (problem,) = problems(WHOLE + entry)
    assert "exception: stands twice" in problem


def test_it_is_in_force_to_its_last_day_and_names_its_scope(with_exceptions):
    one, other = with_exceptions(WHOLE).exceptions
    assert one.in_force(one.expires) and not one.in_force(one.expires + timedelta(days=1))
    assert one.scope == "jumps in unemployed; KU205, MK18; 2027M01"
    assert other.scope == "revised share in all of the dataset"
