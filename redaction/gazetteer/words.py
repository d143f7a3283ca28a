"""Names that are also everyday words: alone and in lower case they are no evidence of a person."""

from __future__ import annotations

_WORDS = """
a able account add address again agent all am amber an and angel answer any april are art as ash ask at
august autumn back bad baker bank banks bar barber bars base bay be bell best big bill bird bishop black
bless bliss blue bond book booker boss both bow box branch brand bridge bright brook brooks brown buck bull
burn bush but butler buy by call can candy card care carpenter carter case cash chance chapel chase chip
christian church city clay close coach cole cook cool copper could cross crystal customer daily dale dash
dawn day days dean dear dell destiny do done down drew duke early east easter email eve event ever faith
farmer fast field fields fine fish fisher flint flower flowers for ford forest fox frank free french friend
from gale garden gay gene general german get gift ginger glass glen go gold golden good grace grant gray
green grey grove guy hall ham hand hard hardy harmony hart has have hazel he heath heaven help her here high
hill him his hold holiday holly home honor hope hour house how hunt hunter i ice if in ink iris iron is it
ivy jack jade jay jewel job join joy judge june just key keys kind king knight lake lamb land lane large
last law lee let levy light like lily list little long lord love low luck mail major man many marble march
mark market marks marsh mason mate may me melody mercy miles mill miller mine mini mint miss moon moore more
moss much must my near new news next nice no noble north not note now oak ocean of office ok olive on one
opal or order our out over page paid paige pan park parker part pat pay peace pearl penny perry phone pike
piper pitt place pleasant pool poor pope porter post potter power price prince product proud queen quick
rain ray reed reef refund reid rex rice rich ring rise river rob robin rock rod root rose rosy round ruby
rush sage sale sales sandy savage school scott sea season see sell service sharp she shepherd ship short
silver singer sky slater small smart smith snow so some song south spring star stark steel stein sterling
stone stones storm strong sue summer summers sun support sweet table tailor talent taylor temple terry thank
thanks the them there they this thorn tiger time to today toll tom town trace tracy trinity true trust
turner two under unique up us van violet wade walk walker wall wallace walls want ward warm was water waters
way we weaver webb week well wells west what wheeler when white who wild will willow wills win wind winter
wise wish with wolf wood woods woody word work worth would wright year yes york you young your
"""
_EVERYDAY = frozenset(_WORDS.split())


def is_everyday_word(folded: str) -> bool:
    """Whether a folded single word is (also) an ordinary English word."""
    return folded in _EVERYDAY
