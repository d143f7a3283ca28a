"""What stands in texts and is nobody's identity: order and case numbers, products, dates, prices, events.

The demo company's map classes order, case and invoice numbers and product codes as facts, not identities.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Final

from retrieval import Company

_MONTHS: Final = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
_DAYS: Final = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi",
    "es": "lunes martes miércoles jueves viernes sábado",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato",
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag",
    "pt": "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado",
}
_DATE: Final = {
    "de": "{day}. {month} {year}",
    "es": "{day} de {month} de {year}",
    "pt": "{day} de {month} de {year}",
}
_JOBS: Final = (
    *("facility manager", "managing director", "office manager", "head of purchasing", "property manager"),
    *("site engineer", "accountant", "caretaker", "practice manager", "headteacher", "energy officer"),
    *("IT administrator", "kitchen manager", "night porter", "data protection officer", "team assistant"),
)
_EVENTS: Final = {
    "en": (
        "The unit stopped during the night and the display shows E12.",
        "Water drips from the bowl, about a cup a day, although the seal was greased.",
        "The thermostat in the corner office loses the Wi-Fi every evening.",
        "Two of the five cartridges arrived with a broken cap.",
        "The second invoice lists a service visit that never took place.",
        "Hot water runs out after one shower, the tank feels lukewarm.",
        "There is a humming noise in the bedroom wall between one and three in the morning.",
        "The pallet was left at the gate and nobody signed for it.",
        "A reminder arrived although the amount had been paid the week before.",
        "The firmware update stopped at 40 percent and the hub blinks red.",
        "They want to know whether the extended warranty can still be added.",
        "Pressure is down to 0.9 bar again, topped up twice this month.",
        "The installer says it is a fault of production, we say it is the installation.",
        "The credit we promised is not on the new statement.",
        "The heating curve was changed by the last engineer and the rooms are too warm now.",
        "The wrong filter size was delivered, the return label is missing.",
        "They would like to move the yearly visit from spring to autumn.",
        "The fan scrapes for a minute when it starts, there is a recording.",
        "The login to the portal ends with an error after the second step.",
        "The batteries last six weeks instead of a year and a half.",
        "A neighbour has complained about the outdoor unit.",
        "They were charged twice for the same delivery.",
        "The certificate for the inspection is needed before the end of the month.",
        "The leak is back, this time on the hot side.",
    ),
    "de": (
        "Die Anlage ist heute Nacht ausgefallen, im Display steht E12.",
        "Der Filter tropft wieder, obwohl die Dichtung neu ist.",
        "Das Thermostat im Besprechungsraum verliert jeden Abend die Verbindung.",
        "Zwei der fünf Kartuschen kamen mit gebrochenem Deckel an.",
        "Auf der zweiten Rechnung steht ein Einsatz, den es nie gab.",
        "Das Warmwasser reicht nur für eine Dusche.",
        "Die Palette wurde vor dem Tor abgestellt, niemand hat unterschrieben.",
        "Es kam eine Mahnung, obwohl der Betrag längst überwiesen war.",
        "Das Update blieb bei 40 Prozent stehen, seitdem blinkt alles rot.",
        "Der Druck ist wieder auf 0,9 bar gefallen.",
        "Der versprochene Nachlass fehlt auf der neuen Abrechnung.",
        "Geliefert wurde die falsche Größe, das Rücksendeetikett fehlt.",
        "Der Wartungstermin soll vom Frühjahr in den Herbst verlegt werden.",
        "Der Lüfter schleift beim Anlaufen etwa eine Minute lang.",
    ),
}
_ERRORS: Final = ("E04", "E07", "E12", "F3", "H21", "0x80070005", "HTTP 502", "TLS-61")
_PORTS: Final = (
    *("Hamburg", "Rotterdam", "Felixstowe", "Antwerp", "Genoa", "Valencia", "Le Havre", "Gdansk"),
    *("Shanghai", "Los Angeles", "Bremerhaven", "Trieste", "Lisbon", "Duisburg", "Basel", "Southampton"),
)
_INCOTERMS: Final = ("EXW", "FCA", "FOB", "CIF", "CPT", "DAP", "DDP")
_BRANDS: Final = (
    *("AquaPure 3000", "ThermoLink", "ClimaCore", "PureFlow X", "Vitalis Eco", "NordicAir", "SolTerra Mini"),
    *(
        "HydraSense",
        "BlueCoil",
        "SilentStar 8",
        "MaxiTherm",
        "EcoFrost",
        "Orion Panel",
        "Delta Valve",
        "Luna Pump",
    ),
)


class Words:
    """Draws words by the name of their place."""

    def __init__(self, company: Company) -> None:
        tables = dict(company.tables())
        self._company = company
        self._products = [str(row["name"]) for row in tables["products"]]
        self._codes = [str(row["code"]) for row in tables["products"]]
        self.articles = [f"{row['title']}. {row['body']}" for row in tables["articles"]]
        self._orders = [order.order_no for order in company.orders]
        self._cases = [case.case_no for case in company.cases]
        self._invoices = [str(no) for order in company.orders if (no := order.row["invoice_no"])]
        self._draws: dict[str, Callable[[Random, str], str]] = {
            "order": lambda draw, _: draw.choice(self._orders),
            "case": lambda draw, _: draw.choice(self._cases),
            "invoice": lambda draw, _: draw.choice(self._invoices),
            "product": lambda draw, _: draw.choice(self._products),
            "code": lambda draw, _: draw.choice(self._codes),
            "brand": lambda draw, _: draw.choice(_BRANDS),
            "serial": _serial,
            "date": self._date,
            "day": lambda draw, language: draw.choice(_DAYS[language].split()),
            "time": lambda draw, _: f"{draw.randint(7, 18)}:{draw.choice(('00', '10', '15', '30', '45'))}",
            "price": _price,
            "n": lambda draw, _: str(draw.randint(2, 48)),
            "days": lambda draw, _: str(draw.choice((2, 3, 5, 7, 10, 14, 30))),
            "event": lambda draw, language: draw.choice(_EVENTS[language]),
            "job": lambda draw, _: draw.choice(_JOBS),
            "error": lambda draw, _: draw.choice(_ERRORS),
            "port": lambda draw, _: draw.choice(_PORTS),
            "term": lambda draw, _: draw.choice(_INCOTERMS),
            "year": lambda draw, _: str(draw.randint(2021, 2026)),
            "article": self._article,
        }

    def draw(self, draw: Random, name: str, language: str) -> str:
        """A word for the place; a digit at its end (`order2`) asks for another one. Raises KeyError."""
        return self._draws[name.rstrip("23456789")](draw, language)

    def _date(self, draw: Random, language: str) -> str:
        day = self._company.anchor - timedelta(days=draw.randint(0, 400))
        month = _MONTHS[language].split()[day.month - 1]
        kind = draw.randint(0, 3)
        if kind == 0:
            return day.isoformat()
        if kind == 1:
            return f"{day:%d/%m/%Y}" if language in {"en", "fr", "es", "it", "pt"} else f"{day:%d.%m.%Y}"
        return _DATE.get(language, "{day} {month} {year}").format(day=day.day, month=month, year=day.year)

    def _article(self, draw: Random, _: str) -> str:
        """One to four sentences of an article of the help centre."""
        sentences = [each for each in draw.choice(self.articles).split(". ") if "@" not in each]
        first = draw.randint(0, max(0, len(sentences) - 2))
        return ". ".join(sentences[first : first + draw.randint(2, 4)]).rstrip(".") + "."


def _serial(draw: Random, _: str) -> str:
    lead = draw.choice(("B6", "B9", "B12", "P24", "CS", "CL", "W1", "W2", "WH"))
    return f"{lead}-{draw.randint(21, 26)}-{draw.randint(4000, 49999):05d}"


def _price(draw: Random, language: str) -> str:
    amount = draw.choice((19, 34, 52.5, 79, 95, 119.9, 189, 249, 349, 620.4, 749, 1250, 2390, 6890, 18450))
    if language == "en":
        return draw.choice((f"EUR {amount:,.2f}", f"€{amount:,.2f}", f"£{amount:,.2f}", f"${amount:,.2f}"))
    written = f"{amount:,.2f}".replace(",", "#").replace(".", ",").replace("#", ".")
    return f"{written} {draw.choice(('€', 'EUR'))}"
