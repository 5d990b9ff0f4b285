"""heliport, a library that knows two hundred languages (https://github.com/ZJaume/heliport)."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from workflow_scripts.errors import UserError
from workflow_scripts.scoring.identifier import Identifier, Identify

CODE = ("scoring.identifier",)
KEY = "score.heliport_codes"
EVERY = 1000
"""More languages than it knows."""

TABLE = """
ab:abk af:afr am:amh ar:ara as:asm ay:ayr az:aze ba:bak be:bel bg:bul bn:ben bo:bod br:bre bs:hbs ca:cat ce:che co:cos
cs:ces cv:chv cy:cym da:dan de:deu dv:div ee:ewe el:ell en:eng eo:epo es:spa et:est eu:eus fa:pes fi:fin fj:fij fo:fao
fr:fra fy:fry ga:gle gd:gla gl:glg gn:grn gu:guj gv:glv he:heb hi:hin ho:hmo hr:hbs ht:hat hu:hun hy:hye ia:ina id:msa
ig:ibo io:ido is:isl it:ita iu:iku ja:jpn ka:kat kk:kaz kl:kal km:khm kn:kan ko:kor ku:kmr kv:kpv kw:cor ky:kir la:lat
lb:ltz lg:lug ln:lin lo:lao lt:lit lv:lav mg:mlg mi:mri mk:mkd ml:mal mn:mon mr:mar ms:msa mt:mlt my:mya nb:nob ne:nep
nl:nld nn:nno no:nob nv:nav oc:oci om:gaz or:ori os:oss pa:pan pi:pli pl:pol ps:pbt pt:por qu:que rm:roh ro:ron ru:rus
sc:srd sd:snd se:sme sg:sag sh:hbs si:sin sk:slk sl:slv sn:sna so:som sq:sqi sr:hbs st:sot sv:swe sw:swa ta:tam te:tel
tg:tgk th:tha ti:tir tk:tuk tl:tgl tr:tur ts:tso tt:tat tw:twi ug:uig uk:ukr ur:urd uz:uzn vi:vie vo:vol wa:wln yi:yid
yo:yor zh:cmn zu:zul
"""
CODES = dict(pair.split(":") for pair in TABLE.split())
"""Of two-letter codes (ISO 639-1), what heliport calls the language (ISO 639-3)."""


def labels(codes: Sequence[str], heliport_codes: Mapping[str, str]) -> dict[str, str]:
    """The run's languages by what heliport calls them: those that it can tell from the others.

    Languages of which it knows no more than that they are one (Serbian and Croatian) are left out.
    """
    called = {code: heliport_codes.get(code, CODES.get(code, code)) for code in codes}
    shared = Counter(called.values())
    return {label: code for code, label in called.items() if shared[label] == 1 and len(label) == 3}


def check(codes: Sequence[str], heliport_codes: Mapping[str, str]) -> None:
    """Raise `UserError` where it is not installed, or where it could tell fewer than two of the languages."""
    if find_spec("heliport") is None:
        raise UserError(
            f"score.language_identification: heliport is not installed; `{sys.executable} -m pip install heliport` "
            "installs it beside this pipeline"
        )
    for code in heliport_codes:
        if code not in codes:
            raise UserError(f"{KEY}: {code} is none of the run's languages ({', '.join(codes)})")
    if len(labels(codes, heliport_codes)) < 2:
        raise UserError(
            f"score.language_identification: heliport knows too few of {', '.join(codes)} by these codes; say in {KEY} "
            "what it calls them (nob, cmn …), or take `own`"
        )


def likeliest(scores: Mapping[str, float]) -> str | None:
    """The language with the lowest score, which is heliport's best; None where two share it, or there is none."""
    ranked = sorted(scores.items(), key=lambda item: item[1])
    return ranked[0][0] if ranked and (len(ranked) == 1 or ranked[0][1] != ranked[1][1]) else None


def open_library(codes: Sequence[str], _: None, heliport_codes: Mapping[str, str]) -> tuple[Identify, list[str]]:
    """heliport's judgement among the run's languages. Raises `UserError` for one that was named and that it lacks."""
    from heliport import Identifier as Library

    library, asked = Library(), labels(codes, heliport_codes)
    there = set(library.get_confidence_all())
    for label, code in asked.items():
        if label not in there and code in heliport_codes:
            raise UserError(f"{KEY}.{code}: heliport knows no language {label}; it knows {', '.join(sorted(there))}")
    known = {label: code for label, code in asked.items() if label in there}

    def identify(lines: Sequence[str]) -> list[str | None]:
        # Of a line without letters it lists none of the languages.
        found = (library.identify_topk_with_score(line, EVERY) for line in lines)
        return [likeliest({known[name]: score for name, score in one if name in known}) for one in found]

    return identify, list(known.values())


IDENTIFIER = Identifier(
    summary="the library of that name, for the languages that it knows (to be installed: `pip install heliport`)",
    open=open_library,
    options={
        "heliport_codes": {
            "type": "object",
            "additionalProperties": {"type": "string", "pattern": "^[a-z]{3}$"},
            "default": {},
            "description": "What it calls a language (ISO 639-3), where that is not plain from a two-letter code.",
        }
    },
    check=check,
    packages=("heliport",),
)
