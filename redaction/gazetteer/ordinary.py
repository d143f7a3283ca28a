"""Ordinary words of five letters and more, which are no slips in writing a name however near they come."""

from __future__ import annotations

from functools import lru_cache

from .words import is_everyday_word

_WORDS = """
abend ability about above accept according account accounts across action activity actually address
administration admit adult affect after again against agency agent agree agreement ahead aktuell alien alive
allein allow almost alone along already although always american among amount analysis anbei andere anfangen
angebot angst animal another anruf answer antwort antworten anyone anything anzahl apart apfel apology
appear apply appointment approach approve april arbeit arbeiten argue around arrive article artist aside
asked assume attach attached attack attention attorney audience auftrag august ausgabe author authority
available avoid awaiting baden balance bauen beautiful because become before begin behavior behind beide
being beispiel beissen bekommen believe below bench benefit bereits besser besten betrag better between
beyond bezahlt billing billion bitte black blank bleiben blind block blood blume board boden bonus brain
branch brauche brauchen braun bread break breath brief bring bringen broken brother browser bruder brush
budget build building bunch business cabin cable called camera campaign cancel canceled candidate cannot
capital carbon career cargo carry carton catch cause center central century certain certainly chain chair
challenge chance change character charge charged charm cheap check checked chess chief child china chips
choice choose church circle citizen civil claim class clean clear clearly clerk client clock close closed
cloud coach coast coffee collection college color coming comma commercial common community company compare
complain complaint computer concern condition conference confirm congress consider consumer contact contain
continue contract control could count country couple coupon courier course court cover covers craft crane
crash cream create credit crime crowd cultural culture current curve customer cycle dabei dafur daily damage
damaged damit danach dance danke daran darauf darin dated daten dauern daughter davon deadline dealer dear
death debate debit decade december decide decision decor defense degree delay delayed deliver delivery
demand democrat democratic demon denken deposit depth describe deshalb design despite detail determine
develop development device difference different difficult dinner direction director discover discuss
discussion dispatch dispute doctor double doubt dozen draft draussen dream drehen dringend drink drive
dunkel durch durfen during eager early earth economic economy education effect effort eigentlich eight
eighteen eighty eilig einfach einige einigen einmal either elbow election eleven eltern email employee empty
enclosed endlich enemy energy engine enjoy enough enter entire entry environment environmental equal
erhalten erklaren erneut error ersatz erschrecken erzahlen escalate especially essen establish etwas evening
event every everybody everyone everything evidence exact exactly example except exchange executive exist
expect expected experience expert expired explain export extra factor fahren fahrrad fahrt faint faith
fallen false familie family fangen father faulty favor february federal feeling fehlen fehler fence fenster
ferien fertig feuer fever fiber field fifteen fifty fight figure filed final finally financial finden finger
finish firma first fisch fixed flasche flash fleet fliegen flight floor flour fluid focus follow force
foreign forget forgot format former forty forward found fourteen frage fragen frame frau fraud freight fresh
fressen freude freuen freund freundlich friday friend frohlich from front fruher fruit fuhren fully fussball
future gains games garage garden garten gauge geben geburtstag geehrte geehrter gefahrlich gegen gehen
gehoren gekauft geliefert genau general generation gerade gerne geschenk geschichte gesicht gestern gesund
gewinnen giant given glass glauben gleich globe gluck glucklich goods government grain grand grass great
green greetings gross ground group growth gruss guard guess guide guten haare haben habit halbe hallo halten
hangen happen happy harsh having health heart heavy heissen helfen hello heraus herrn herself heute hilfe
himmel himself hinein hinter history hobby holder holen homes honey horen horse hospital hotel hours house
however human hundred hunger husband ideal identify image imagine immer impact import important improve
inbox incident include including increase indeed index indicate individual industry inform information inner
input inquiry inside install instead institution insure interest interesting internal international
interview investment invoice involve issue issued items itself jahre january jeder jetzt joint judge juice
junge junior karma katze kaufen keine kennen kindly kitchen klasse klein klettern knife knowledge known
kochen kommen konnen konto kosten krank kuche kunde kunden kundin label labor lachen lager lange langsam
language large lassen later latest laufen laugh lawyer leader learn least leave leben ledger legal legen
lehrer lehrerin leicht leider leise lemon lernen lesen letter letzte leute level lever license licht liebe
lieber liefern lieferung liegen light likely limit lines links listed listen liter little liver loading
lobby local logic login looks loose lower lucky lunch lustig machen machine madchen magazine magic mahnung
maintain major majority maker manage management manager manual maple march margin marked market marriage
master material matter maybe means measure medal media medical meeting meine melon member memory menge
mensch mention mercy merge merit merken message metal meter method middle might milch military million minor
minus minute minutenmir missing mission mixed mochte model modern module mogen moglich moment monat monate
monday money month months morgen morning mother motor mount mouse mouth moved movement movie music musik
mussen mutter myself nachricht nachste nacht namen namlich nation national natural nature naturlich nearly
neben necessary needs nehmen nennen nerve network neuen never newspaper nicht nichts night nimmt nineteen
ninety noise north notes nothing notice novel november number nummer nurse occur ocean october offen offene
offer office officer official offnen often onkel online opened opera operation opportunity option order
orders organ organization other others ounce outer outside owner package packen packet paint painting paket
panel panic paper parcel parent participant particular particularly partner parts party password patch patio
pattern pause paying payment peace pearl pending penny people perform performance perhaps period person
personal pferd phone photo physical piano picked picture piece pilot pitch place placed plain plane planned
plant plate platz player plaza please plotzlich point polar police policy political politics polizei popular
population porch portal porto position positive possible postal pound power practice preis preise prepare
present president press pressure pretty prevent price prices pride print printer prior prize probably probe
problem process produce product production professional professor profile program project promise proof
proper property protect prove provide prufen public pulse punch pupil purchase purpose quality quarter
question queue quick quickly quiet quite quota quote quoted radar radio raise range ranges rapid rather
ratio razor reach reached reader ready reality realize really realm reason rebel receipt receive recent
recently rechnen rechnung recognize record reduce refer reflect refund refuse regards region regular reich
reiten reject relate relationship relay religious remain remember remind remove renew rennen rental repair
repeat replace reply report represent republican request require research resend reset resolve resource
respond response responsibility result return returned reveal review richtig rider rifle right rigid river
robot rough round route royal rufen ruhig rural sache saddle sagen said salad sales salmon saturday sauce
scale scene schaden schaffen schauen schedule scheinen schenken schicken schiff schlafen schlagen schlecht
schlimm schluss schnee schnell schon school schreiben schreien schuh schule schuler schwarz schwer schwester
schwimmen science scientist scope score screen season seats sechs second section secure security seeds sehen
seite selbst senden sender senior sense september serial series serious serve server service settle setzen
seven seventeen seventh seventy several shade shake shape share sharp sheet shelf shell shift shine shipment
shipped shipping shirt shock shoes shore short should shoulder shower shown sicher sieben sieht signed
significant similar simple simply since singen single sister situation sitzen sixteen sixty sizes skill
skirt slate sleep slice slide slope small smart smell smile smoke social society sofort solar soldier solid
sollen sollte solve somebody someone something sometimes sommer sonne sonntag sonst sorry sound source south
southern space spare spater speak special specific speech speed spend spice spiel spielen split spoke spoon
sport sprechen spring springen squad stadt staff stage stamp stand standard stark stars start state
statement station status steam steel steep stehen steht steigen stelle stellen stick still stock stolen
stone storage store storm storno story stove strasse strategy street string strong structure stuck student
study stuff stunde style subject submit success successful suche suchen sudden suddenly suffer sugar suggest
suite summer sunday support surface surprise swing switch sword system table tables tagen taken tante target
tariff taste teach teacher technology teeth telefon television teller termin terms thank thanks their theme
themselves theory there these thick thing things think third thirteen thirty those though thought thousand
threat three through throughout throw thursday ticket tiger tight timer times tired tisch title toast today
together token tonight tooth topic total touch tough toward tower trace track tracking trade traditional
tragen trail train training transfer traurig travel tread treat treatment treffen trend trial tribe trick
trinken trouble truck trust truth tuesday turnen twelve twenty twist uberall umsatz uncle under understand
union unique units unless unser unsere unten unter until update upgrade upload upper urban urgent usage
users using usual usually vague valid valley value various vater vault vendor vergessen verkaufen verlieren
version verstecken verstehen versuchen vertrag video viele vielen vielleicht virus visit vital vogel voice
volume vorbei voucher vowel wagen wagon waiting wanted warehouse waren warning warranty warten warum waschen
wasser waste watch water waves weather website wednesday wegen weight weihnachten weinen weiter welche
welcome wenig werden werfen western wetter whatever wheel where whether which while white whole whose
wichtig width wieder wiese window winter wirklich wissen within without woche wochen wohnen wohnung wollen
woman women wonder words worker working world worry worth would wound wrist write writer wrong wrote
wunschen wurde wurden years yellow yesterday yield young yourself youth zahlen zahlung zeigen zeitung ziehen
zimmer zuruck zusammen zwischen
"""
_ORDINARY = frozenset(_WORDS.split())
_ENDINGS = ("s", "es", "d", "ed", "ing", "ly", "er", "ers", "en", "e", "n", "y")


def ordinary_words() -> frozenset[str]:
    """All of them, folded."""
    return _ORDINARY


@lru_cache(maxsize=65536)
def is_ordinary_word(folded: str) -> bool:
    """Whether a folded word, or what it is an inflection of, is an ordinary English or German word."""
    return folded in _ORDINARY or any(
        folded.endswith(ending) and folded[: -len(ending)] in _ORDINARY for ending in _ENDINGS
    )


@lru_cache(maxsize=65536)
def is_plain_word(folded: str) -> bool:
    """Whether a folded word, of any length, is (also) a word of the language."""
    return is_everyday_word(folded) or is_ordinary_word(folded)
