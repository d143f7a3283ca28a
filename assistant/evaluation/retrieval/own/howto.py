"""Questions that the help centre answers, as reps ask them: title of the article, and the question.

Each is a template of its own. Some are German, some hurried, some a customer's mail pasted as it came.
"""

from typing import Final

_MAIL_COLD: Final = (
    "Hi team, me again with a long one, sorry. Just had Mrs. from the terrace house on the phone for half an "
    "hour, she first told me about her late husband and the garden, then finally that the thing outside has "
    "turned into a block of ice, grille and all, and the fan scrapes on it. It came back after she poured "
    "warm water over it yesterday. What do I tell her, is somebody coming out for that or not?"
)
_MAIL_MOVE: Final = (
    "Dear service, we are selling our house at the end of next month and the buyers would like to keep the "
    "thermostats, the hub too. My wife says we should just leave everything as it is, I say we have to sign "
    "out somewhere. Also, does the guarantee of the heating go over to them, and what happens to the monthly "
    "plan? We have paid in advance. Regards from rainy Bristol"
)
_MAIL_PRESS: Final = (
    "FYI somebody who says he works for the local paper rang twice this morning, wants a comment about the "
    "pumps that stop in frost and asks how many customers are affected. I said I'd come back to him. "
    "Am I allowed to say anything at all?"
)
_MAIL_DRAIN: Final = (
    "Hello, we plan to fit the big filter behind our meter. My plumber asks how much room he has to leave, "
    "whether it may freeze there and if a drain is needed. I could not find the drawing. Could you let me "
    "know what to prepare so that he does not have to come twice? Many thanks in advance"
)

HOW_TO: Final[tuple[tuple[str, str], ...]] = (
    ("Returning an unused product", "customer opened the box but never used it, what do we keep"),
    ("Returning an unused product", "Wie lange kann man etwas Unbenutztes zurückschicken?"),
    ("Returning a product that was installed", "can they send back a pump that is already fitted"),
    ("Returning a product that was installed", "thermostat was on the wall for a week, change of mind"),
    ("How refunds are paid", "where does the money go when we pay back an order that was bought on card"),
    ("How refunds are paid", "refund not arrived after two weeks who traces it"),
    ("Refund limits by role", "how much money may I give back on my own"),
    ("Refund limits by role", "two refunds on one case, do they add up?"),
    ("Goodwill credits", "can i gift a customer something for the hassle"),
    ("Goodwill credits", "Wie hoch darf eine Kulanzgutschrift sein?"),
    ("Partial refunds and price reductions", "scratched casing, customer keeps it, how much off"),
    ("Partial refunds and price reductions", "heats less than the data sheet says - price cut possible?"),
    ("Warranty terms in short", "compressor guarantee how many months"),
    ("Warranty terms in short", "Gewährleistung Thermostat wie lange"),
    ("Making a warranty claim", "what do I need to ask for before I can open a claim"),
    ("Making a warranty claim", "which details for a guarantee case"),
    ("Extended warranty", "price for two more years of cover"),
    ("Extended warranty", "SV-EXT until when can it be bought"),
    ("What ends a warranty", "can I tell him the warranty is void because he used other cartridges"),
    ("What ends a warranty", "missed servce visit waranty gone?"),
    ("Delivery times", "how long until a pallet with a pump arrives"),
    ("Delivery times", "express parcel cost"),
    ("Late deliveries", "what do they get if we are ten days late"),
    ("Late deliveries", "Lieferung verspätet, was steht dem Kunden zu?"),
    ("Damaged in transit", "unit lay on its side in the van, when can it be turned on"),
    ("Damaged in transit", "hidden damage deadline photographs"),
    ("Missing parts and short deliveries", "box incomplete what now"),
    ("Missing parts and short deliveries", "installation kit can't be found, where do we put it"),
    ("Changing or cancelling an order", "stop a pallet that is on its way"),
    ("Changing or cancelling an order", "ordered the wrong size yesterday, can that still be changed"),
    ("Reading an invoice", "when do home customers have to pay"),
    ("Reading an invoice", "Rechnungskopie anfordern"),
    ("Reminders and late payment", "account on hold - after how many days and what still happens"),
    ("Reminders and late payment", "dunning fee second letter"),
    ("Disputed invoices", "customer says bill is wrong, what happens to the part he disputes"),
    ("Disputed invoices", "do we still deliver while they argue about a bill"),
    ("Payment by instalments", "pay a heat pump in monthly parts"),
    ("Payment by instalments", "60 days to pay for a company, from what sum"),
    ("Changing the bank details of an account", "caller wants me to change his iban on the phone"),
    ("Changing the bank details of an account", "mail says our bank account is a new one, real?"),
    ("Discounts and frame contracts", "how many percent for 30 pumps a year"),
    ("Discounts and frame contracts", "may I add a discount on top for a big order"),
    ("Resetting a portal password", "pasword link expired how long is it good for"),
    ("Resetting a portal password", "Kunde kommt nicht mehr ins Portal, Kennwort vergessen"),
    ("Suspicious sign-ins and fraud", "someone else was in the customers account what to do first"),
    ("Suspicious sign-ins and fraud", "login that wasn't them"),
    ("Who may speak for an account", "how do I check that the caller is who she says"),
    ("Who may speak for an account", "daughter calls for her father, may I tell her anything"),
    ("Secure remote support", "looking at the customer's screen, what are the rules"),
    ("Secure remote support", "Fernwartung erlaubt?"),
    ("Requests for a copy of personal data", "they want to know everything we store about them"),
    ("Requests for a copy of personal data", "gdpr access request deadline"),
    ("Requests for erasure", "wants all his data gone"),
    ("Requests for erasure", "delete me - which papers have to stay"),
    ("Consent for the assistant", "contact has not been asked whether the assistant may read about him"),
    ("Consent for the assistant", "taking back the yes to the internal assistant"),
    ("Reporting a data breach", "I sent a mail with customer data to the wrong person"),
    ("Reporting a data breach", "Laptop gestohlen, wen muss ich anrufen?"),
    ("Ending a service plan", "notice period home customer plan"),
    ("Ending a service plan", "Kündigungsfrist Servicevertrag Firma"),
    ("Contract termination by a business customer", "company writes they want out of the frame contract"),
    ("Contract termination by a business customer", "three late deliveries in a quarter, section 9"),
    ("Moving house or selling the building", _MAIL_MOVE),
    ("Moving house or selling the building", "new owner of the house, hub still on the seller's account"),
    ("Service plans compared", "difference between care and care plus"),
    ("Service plans compared", "what is in the cheapest plan"),
    ("Service levels", "first answer time gold"),
    ("Service levels", "Wie schnell muss bei Silber geantwortet werden?"),
    ("How to escalate a case", "promised date passed, whom do I hand this to"),
    ("How to escalate a case", "who is level two"),
    ("Priorities of cases", "when is it urgent"),
    ("Priorities of cases", "old couple without heating which priority"),
    ("Threats of legal action", "he says his lawyer will write, what may I say"),
    ("Threats of legal action", "Kunde droht mit Anwalt"),
    ("Injuries and danger to health", "she feels sick since drinking the filtered water"),
    ("Injuries and danger to health", "smell of burning from the unit"),
    ("Customers in need of special care", "baby in the house and heating off in january"),
    ("Customers in need of special care", "may I note that she is ill"),
    ("Talking about competitors and installers", "customer asks if his fitter did bad work"),
    ("Talking about competitors and installers", "recommend a partner, how many names"),
    ("Recall of condensate pumps in the Boreal 9", "which serial numbers of the nine are affected"),
    ("Recall of condensate pumps in the Boreal 9", "paid a plumber for the pump, do we pay it back"),
    ("Boreal shows E04: low water flow", "E04 what to do step by step"),
    ("Boreal shows E04: low water flow", "zu wenig Durchfluss, Anzeige E04"),
    ("Boreal shows E07: outdoor sensor", "e07 boreal"),
    ("Boreal shows E07: outdoor sensor", "unit thinks it is zero degrees outside"),
    ("Boreal shows E12: compressor protection", "may they reset it a second time after E12"),
    ("Boreal shows E12: compressor protection", "Verdichter schaltet ab E12"),
    ("Ice on the outdoor unit", _MAIL_COLD),
    ("Ice on the outdoor unit", "is a bit of frost on the fins normal"),
    ("Heat pump is loud at night", "quiet mode how many decibels"),
    ("Heat pump is loud at night", "Wärmepumpe brummt, Nachbar beschwert sich"),
    ("Not enough hot water", "luke warm shower settings"),
    ("Not enough hot water", "highest water temperature the pump does alone"),
    ("High electricity use of a heat pump", "which values should they read off before we send anyone"),
    ("High electricity use of a heat pump", "Stromverbrauch zu hoch"),
    ("Yearly service of a heat pump", "price of the yearly check"),
    ("Yearly service of a heat pump", "when in the year is the maintenance visit done"),
    ("Frost protection and long absence", "off to Spain all winter, switch the pump off?"),
    ("Frost protection and long absence", "power cut at minus ten"),
    ("Changing a Clearspring cartridge", "how often a new cartridge for the S"),
    ("Changing a Clearspring cartridge", "Kartusche wechseln Anleitung"),
    ("Water tastes odd after a filter change", "plastic taste"),
    ("Water tastes odd after a filter change", "musty water after the weekend"),
    ("Clearspring leaks", "filter dripping at the bowl which seal"),
    ("Clearspring leaks", "undicht unter der Spüle"),
    ("Low pressure behind a filter", "hardly any water since the filter was fitted"),
    ("Low pressure behind a filter", "bypass test"),
    ("Pairing a Warden thermostat with Wi-Fi", "orange blinking when connecting"),
    ("Pairing a Warden thermostat with Wi-Fi", "thermostat mit dem WLAN verbinden"),
    ("Warden Hub is offline", "purple light on the hub"),
    ("Warden Hub is offline", "hub not reachable port"),
    ("Thermostat shows the wrong temperature", "reads 3 degrees too much"),
    ("Thermostat shows the wrong temperature", "calibrate warden"),
    ("Warden firmware updates", "which software version fixes the clock"),
    ("Warden firmware updates", "update interrupted half way"),
    ("Batteries of thermostats", "can they use rechargeables"),
    ("Batteries of thermostats", "wie lange halten die Batterien"),
    ("Connecting a Warden to a Boreal heat pump", "max length of the bus cable"),
    ("Connecting a Warden to a Boreal heat pump", "terminals 21 22"),
    ("Choosing the right heat pump", "what size for 140 square metres"),
    ("Choosing the right heat pump", "is the 6 enough for a terraced house"),
    ("Installing a whole-house filter", _MAIL_DRAIN),
    ("Installing a whole-house filter", "where to put the big water filter"),
    ("Return of old devices and packing", "taking the old pump away cost"),
    ("Return of old devices and packing", "recycle used cartridges"),
    ("Booking and moving a visit", "customer wants another day for the engineer"),
    ("Booking and moving a visit", "our technician did not show up, compensation"),
    ("Speaking with the press or authorities", _MAIL_PRESS),
    ("Speaking with the press or authorities", "journalist on the line"),
    ("Marketing messages and opting out", "stop the newsletters"),
    ("Marketing messages and opting out", "abmelden von Werbung"),
    ("Water quality certificates", "paper for the food inspector"),
    ("Water quality certificates", "which cartridge may be used in a restaurant kitchen"),
)

LEADS_ONLY: Final[tuple[tuple[str, str], ...]] = (
    ("Approving exceptions", "up to which sum can a lead approve an exception and how is it written down"),
    ("Approving exceptions", "rules for approving exceptions"),
    ("Handling restricted accounts", "what are restricted accounts and who handles them"),
    ("Handling restricted accounts", "how do leads deal with restricted accounts"),
)
