"""What the demo company makes and sells."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class Product(NamedTuple):
    """``serial`` begins the serial numbers of a product; parts and services have none."""

    id: int
    code: str
    name: str
    family: str
    price: Decimal
    warranty_months: int
    serial: str
    description: str


PRODUCTS = (
    Product(1, "HP-B6", "Boreal 6", "heat pump", Decimal(6890), 60, "B6",
            "Air-to-water heat pump for up to 6 kilowatts, with a tank of 180 litres and a quiet mode."),
    Product(2, "HP-B9", "Boreal 9", "heat pump", Decimal(8290), 60, "B9",
            "Air-to-water heat pump for up to 9 kilowatts for family houses, floor heating or radiators."),
    Product(3, "HP-B12", "Boreal 12", "heat pump", Decimal(9980), 60, "B12",
            "Air-to-water heat pump for up to 12 kilowatts for large and older houses and small practices."),
    Product(4, "HP-P24", "Boreal Pro 24", "heat pump", Decimal(18450), 60, "P24",
            "Heat pump for shops, practices and houses with several flats; up to four work in a row."),
    Product(5, "WF-S", "Clearspring S", "water filter", Decimal(189), 24, "CS",
            "Filter under the sink, 4 litres a minute, with a light that says when the cartridge is due."),
    Product(6, "WF-L", "Clearspring L", "water filter", Decimal(749), 24, "CL",
            "Filter for the whole house, 38 litres a minute, fitted behind the water meter with a bypass."),
    Product(7, "WF-P", "Clearspring Pro", "water filter", Decimal(2390), 24, "CP",
            "Filter for kitchens, surgeries and nurseries, 95 litres a minute, with a flow meter."),
    Product(8, "TH-1", "Warden One", "thermostat", Decimal(79), 36, "W1",
            "Thermostat for one room with Wi-Fi; two AA batteries last about 18 months."),
    Product(9, "TH-2", "Warden Duo", "thermostat", Decimal(119), 36, "W2",
            "Thermostat for room and floor temperature with Wi-Fi; two AA batteries last about 12 months."),
    Product(10, "TH-H", "Warden Hub", "thermostat", Decimal(169), 36, "WH",
            "Hub that leads up to 64 thermostats and speaks to a Boreal over the two-wire bus."),
    Product(11, "CT-10", "Cartridge CT-10", "part", Decimal(34), 0, "",
            "Cartridge for all Clearspring filters, against chlorine, lead and microplastics."),
    Product(12, "CT-10H", "Cartridge CT-10H", "part", Decimal(52), 0, "",
            "Cartridge for the Clearspring Pro with the certificate for food use."),
    Product(13, "PF-50", "Pre-filter PF-50", "part", Decimal(68), 24, "",
            "Steel pre-filter that can be rinsed, for streets with building work."),
    Product(14, "SN-OUT", "Outdoor sensor", "part", Decimal(29), 24, "",
            "Outdoor temperature sensor for all Boreal heat pumps."),
    Product(15, "KT-INS", "Installation kit", "part", Decimal(240), 24, "",
            "Valves, strainer, feet of rubber and insulation for fitting a Boreal."),
    Product(16, "RP-1", "Repeater RP-1", "part", Decimal(35), 24, "",
            "Plug-in repeater that brings thermostats nearer to their hub."),
    Product(17, "SV-ANN", "Yearly service visit", "service", Decimal(189), 0, "",
            "Yearly service of a heat pump by a certified partner, about 75 minutes."),
    Product(18, "SV-EXT", "Extended warranty", "service", Decimal(349), 0, "",
            "24 months of warranty on top for a heat pump."),
)  # fmt: skip

BY_FAMILY = {
    family: tuple(product for product in PRODUCTS if product.family == family)
    for family in dict.fromkeys(product.family for product in PRODUCTS)
}
