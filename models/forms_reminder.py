"""The reminder to a party, in Finnish and ready to send: what is late, what is due, what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from textwrap import fill
from typing import Protocol

from models.forms import AnswerState

_HEADINGS: dict[AnswerState, str] = {
    "late": "Myöhässä",
    "due": "Määräpäivä on mennyt",
    "coming": "Seuraavaksi odotamme",
}
_FORM = (
    "Tiedot kirjataan lomakkeelle, joka lähetetään tämän viestin mukana. Täyttäkää taulukon keltaiset solut ja "
    "palauttakaa tiedosto vastauksena tähän viestiin. Jos lukua ei ole saatavilla, jättäkää se tyhjäksi ja kertokaa "
    "syy sarakkeessa Selvitys. Älkää kirjoittako lomakkeelle henkilötietoja; rooli riittää."
)


class Asked(Protocol):
    """One answer that is wanted."""

    @property
    def text_fi(self) -> str:
        """What is asked."""

    @property
    def meter_ids(self) -> tuple[str, ...]:
        """The meters it is for."""

    @property
    def period(self) -> str:
        """The period it is for."""

    @property
    def due_at(self) -> date:
        """The day by which it is wanted."""

    @property
    def state(self) -> AnswerState:
        """What it is on the day of the reminder."""


def reminder(party_name_fi: str, title_fi: str, wanted: Sequence[Asked], *, coming: bool = False) -> str:
    """The text of a reminder: its first line is the subject. `coming` also lists what is not due yet.

    Where nothing is late or due it says so.
    """
    shown = [one for one in wanted if coming or one.state != "coming"]
    late = sum(one.state == "late" for one in shown)
    periods = ", ".join(dict.fromkeys(one.period for one in shown))
    if not shown:
        return (
            f"Aihe: {title_fi}: ei puuttuvia tietoja\n\n"
            f"{party_name_fi}\n\nTältä vastuutaholta ei puutu tietoja, joiden määräpäivä on mennyt. Kiitos.\n"
        )
    lines = [
        f"Aihe: {title_fi}: mittarien tiedot {periods}" + (" (myöhässä)" if late else ""),
        "",
        f"Hyvä vastaanottaja, {party_name_fi}",
        "",
        f"ohjelman seurannasta puuttuu {_pieces(len(shown))}, jotka kuuluvat teidän kirjattaviinne:",
    ]
    for state, heading in _HEADINGS.items():
        of_state = [one for one in shown if one.state == state]
        if of_state:
            lines += ["", f"{heading}:"]
            lines += [
                f"- {one.text_fi} ({', '.join(one.meter_ids)}), kausi {one.period}, määräpäivä {_day(one.due_at)}"
                for one in of_state
            ]
    lines += [
        "",
        fill(_FORM, 78),
        "",
        "Kiitos!",
    ]
    return "\n".join(lines) + "\n"


def _pieces(count: int) -> str:
    return "yksi tieto" if count == 1 else f"{count} tietoa"


def _day(day: date) -> str:
    return f"{day.day}.{day.month}.{day.year}"
