"""What happened in the demo company's cases, as reps say it who do not remember how it was written.

Scenario (its first subject) → for each event, in the order of its descriptions, two wordings: one to tune
with, one that is held out.
"""

from collections.abc import Mapping
from typing import Final

EVENTS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "No heating, {product} shows E12": (
        (
            "unit switched off with E12, ran again for two hours after a reset",
            "heater died twice the same day",
        ),
        ("no warmth since the morning, only the auxiliary heater works", "rooms at 16 degrees, E12"),
        ("compressor protection twice in a day, leaves cleared away", "compressor cut out again within 24 h"),
    ),
    "E04 on {product}": (
        ("E04 in the evenings although the sieve had been cleaned", "every evening the same flow error"),
        (
            "pressure down at 0.9 bar and the upper floor cold",
            "cold upstairs, too little water running through",
        ),
        ("flow problem since the new radiators", "radiators were swapped and now the flow error comes"),
    ),
    "Neighbour complains about {product}": (
        (
            "rattling at night, the people next door wrote a letter",
            "trouble with next door because of the sound",
        ),
        ("fan grinds when it starts, there is a recording", "scraping sound at start-up"),
        ("deep hum in the bedroom over the plant room", "vibration you hear in bed"),
    ),
    "Not enough hot water": (
        ("shower goes cold after five minutes, display says 29", "cold shower"),
        ("four people in the house and hot water takes hours", "tank too small for the family?"),
        ("the sunday programme against bacteria does not finish", "legionella cycle stops before 60"),
    ),
    "High electricity bill with {product}": (
        ("power use doubled, auxiliary heater ran 412 hours", "energy bill twice as high as last winter"),
        ("was told it would save money, costs more than gas", "expected to pay a third of what it costs now"),
        ("ratio of heat to electricity only 2.1", "efficiency below what the brochure says"),
    ),
    "Water drips from {product}": (
        ("drips at the bowl, seal was greased and turned", "leaking although they greased the gasket"),
        ("head of the filter cracked, nine bar on the gauge", "broken filter head, pressure too high"),
        ("a puddle below the filter every day", "wet cupboard under the sink"),
    ),
    "Odd taste after cartridge change": (
        ("new cartridge, water tastes of plastic", "taste of plastic does not go away"),
        ("water in the staff kitchen musty after the weekend", "stale water at the start of the week"),
        ("inspector wants the paper for the batch", "proof of quality for the cartridge lot"),
    ),
    "Filter blocks after two months": (
        ("second clogged cartridge in ten weeks, street is dug up", "cartridge full too soon, roadworks"),
        ("half the flow, fine with the bypass open", "only a trickle comes through the filter"),
        ("kitchen short of water at lunchtime", "needs more than 95 litres at noon"),
    ),
    "{product} will not pair": (
        ("orange ring while pairing, the landlord's router", "thermostat cannot be connected, blinks orange"),
        ("hub with a purple light since the weekend", "hub not reachable, maybe a port is closed"),
        ("lost the connection when the router was swapped", "nothing in the app since the new router"),
    ),
    "{product} shows wrong temperature": (
        ("three degrees more than other thermometers", "reads too warm compared with two thermometers"),
        ("value leaps from 19 to 25 and back", "temperature jumping several times a day"),
        ("schedule an hour off after the clocks went back", "daylight saving mixed up the timetable"),
    ),
    "Batteries empty after six weeks": (
        ("batteries dead after six weeks, hub in the cellar", "cells last weeks and not a year and a half"),
        ("third set of alkaline cells this year", "keeps eating alkaline cells"),
    ),
    "Where is order {order}?": (
        ("tracking has not moved for a week", "parcel stuck in transit"),
        (
            "carrier did not turn up, installer waited on site",
            "installer's day lost because nothing was delivered",
        ),
        ("third date for the pallet, the floor gets closed", "pallet postponed for the third time"),
    ),
    "Dented casing": (
        ("dent on the left side and a torn box", "housing bent on arrival"),
        ("oil under the unit when it came", "oil stain, they did not dare to switch it on"),
        ("display was broken when the box was opened", "cracked screen out of the box"),
    ),
    "Installation kit not in the box": (
        ("fitting kit not there, looked behind the front", "kit for the installation missing"),
        ("two parcels of five came", "three parcels still on the way"),
        ("one wall plate short", "four thermostats but three plates"),
    ),
    "Billed twice for {order}": (
        ("delivery on the bill twice", "charged double"),
        ("frame contract discount not on the bill", "rebate forgotten on the invoice"),
        ("plan was cancelled and billed all the same", "bill for a service plan that had ended"),
    ),
    "Request for instalments": (
        ("wants to pay in three parts", "cannot pay the bill at once"),
        ("got a reminder after paying", "dunning letter although the money was sent"),
        ("account on hold, an urgent order waits", "shipment blocked because of an open bill"),
    ),
    "Return of {product}": (
        ("does not fit, box opened but never used", "opened the packing, wants to give it back"),
        ("bought twice by mistake", "duplicate purchase goes back"),
        ("sends it back unused within a month", "changed their mind, still in its box"),
    ),
    "Warranty claim for {product}": (
        ("broke after fourteen months, visits recorded", "failed in the second year, guarantee?"),
        ("service visit missed by two months, is the guarantee lost", "was ill and skipped the yearly visit"),
        ("installer and we blame each other for the fault", "whose fault it is, ours or the fitter's"),
    ),
    "Is my {product} part of the recall?": (
        (
            "serial number in the recall, no water inside yet",
            "asks whether their unit is affected by the recall",
        ),
        ("paid a plumber for a new condensate pump", "wants money back for the pump they had exchanged"),
        ("tray full of water in the frost", "pump did not start in the cold, tray wet"),
    ),
    "Notice for {account}": (
        ("gives notice of the plan and wants the last day in writing", "ending the plan, needs it confirmed"),
        ("thinks of leaving the frame contract after late deliveries", "threatens with section 9"),
        ("sold the building, plan should end at the handover", "house sold, what about the plan"),
    ),
    "Copy of my data": (
        ("wants a copy of everything we hold about them", "subject access request"),
        ("asks to be deleted after the plan ended", "right to be forgotten"),
        ("still gets advertising", "marketing mails despite opting out"),
    ),
    "Strange sign-in to the portal": (
        ("login from another country", "somebody abroad got into the portal account"),
        ("fake mail with a new bank account of ours", "phishing about our bank details"),
        ("locked out after wrong attempts", "cannot get into the portal any more"),
    ),
    "Nobody calls back": (
        ("two promised calls never came, wants the boss", "angry because we never rang back"),
        ("engineer missed the window, a day off wasted", "took leave for nothing, nobody came"),
        ("three people told them three different things", "contradictory answers from us"),
    ),
    "Which size do we need?": (
        ("which size for a practice of 180 square metres", "advice on sizing a second building"),
        ("does it work with an old boiler", "combining it with the existing boiler"),
        ("quote for six buildings", "wants an offer for several sites"),
    ),
    "Commissioning date for {order}": (
        ("no partner free for commissioning within six months", "commissioning deadline runs out"),
        ("electrician asks about terminals 21 and 22", "how to wire the bus"),
        ("no drain where the filter should go", "wants to hang the filter in the garage"),
    ),
    "Yearly service for {product}": (
        ("none of the three dates suits for the service", "service only in the holidays, a school"),
        ("report of the last visit not in the portal", "insurance asks for the service report"),
        ("we moved the visit twice", "annual visit postponed by us again"),
    ),
}
