"""Plates of Europe, one and two lines, cars and motorcycles."""

from __future__ import annotations

from training.synth.layouts import EU_MM, EU_TWO_LINE_MM, NO_IO, NO_IOQ, Layout

DE_AREAS = (
    "[A,AB,AC,AK,AZ,B,BA,BB,BC,BI,BM,BN,BO,BS,C,CB,CE,CW,D,DA,DD,DE,DO,DU,E,EN,ER,ES,EU,F,FB,FD,FF,FG,FN,FR,FT,G,GF,"
    "GG,GI,GM,GP,GT,GZ,H,HB,HD,HE,HG,HH,HI,HL,HN,HO,HP,HR,HRO,HS,HSK,IN,IZ,J,K,KA,KB,KE,KI,KL,KO,KR,KS,KT,L,LB,LD,"
    "LG,LOS,LU,M,MA,MD,ME,MG,MI,MK,MR,MS,MTK,MYK,MZ,N,NB,ND,NE,NEA,NES,NF,NM,NMS,NR,NU,NW,OA,OB,OD,OE,OF,OG,OH,OL,"
    "OS,P,PA,PB,PE,PF,PI,PS,R,RA,RD,RE,RO,RT,RV,S,SB,SG,SI,SK,SL,SN,SO,SU,SW,SWA,TBB,TR,TÜ,UL,UN,V,VB,VEC,VS,W,WF,"
    "WI,WN,WO,WOB,WT,WÜ,Z,ZW]"
).replace("Ü", "U")
PL_AREAS = "[WA,WB,WD,WE,WI,PO,PZ,KR,KRA,GD,GA,DW,SK,SO,LU,EL,EBE,FZ,ZS,CB,BI,NO,OP,RZ,TK,WPI,WPR,DTR,GWE,SBI,PKL,LLB]"
UK_AREAS = "[A,B,C,D,E,F,G,H,K,L,M,N,O,P,R,S,V,W,Y]"
RO_AREAS = "[AB,AG,AR,BC,BH,BN,BR,BT,BV,BZ,CJ,CL,CS,CT,CV,DB,DJ,GJ,GL,GR,HD,HR,IF,IL,IS,MH,MM,MS,NT,OT,PH,SB,SJ,SM,SV,TL,TM,TR,VL,VN,VS]"
RU_LETTERS = "ABEKMHOPCTYX"
UA_LETTERS = "ABCEHIKMOPTX"
TR_AREAS = "[01,06,07,16,20,26,27,31,34,35,38,41,42,45,48,54,55,59,61,63,66,72,77,81]"
BOTH = ("black/white", "black/yellow")


def _pair(country: str, one: tuple[str, ...], two: tuple[str, ...], **facts: object) -> tuple[Layout, Layout]:
    """Return the wide one-line layout and the two-line one of a country."""
    weight = float(facts.pop("weight", 1.0))  # type: ignore[arg-type]
    wide = Layout(country, one, EU_MM, weight=weight, **facts)  # type: ignore[arg-type]
    return wide, Layout(country, two, EU_TWO_LINE_MM, weight=weight * 0.4, **facts)  # type: ignore[arg-type]


def _eu(country: str, one: tuple[str, ...], two: tuple[str, ...], code: str, **facts: object) -> tuple[Layout, Layout]:
    defaults: dict[str, object] = {"band": "l", "band_ratio": 0.85, "band_text": (code,)}
    return _pair(country, one, two, **{**defaults, **facts})


_UK = dict(
    colours=("black/white", "black/yellow", "black/yellow"), fonts="uk", letters=NO_IOQ.replace("I", ""), band="l",
    band_ratio=0.4, band_text=("GB", "UK"), foot=("MOTORS LTD", "www.cars.co.uk", "AUTOS"), foot_ratio=0.15,
)
_DE = DE_AREAS

EUROPE: tuple[Layout, ...] = (
    *_pair("GB", (f"{UK_AREAS}A[02,03,04,05,06,07,08,09,51,52,53,54,55,56,57,58,59,60,61,62,63,64,65,66,67,68,69,70,71,72] AAA",
                  "A100 AAA", "A10 AAA", "AAA 100A", "AAA 10A", "AAZ 1000", "AA [1,11,123] "),
           ("AA00|AAA", "A100|AAA", "AAA|100A"), weight=4.0, **_UK),
    *_eu("D", (f"{_DE}*A 1", f"{_DE}*A 10", f"{_DE}*A 100", f"{_DE}*A 1000", f"{_DE}*AA 1", f"{_DE}*AA 10", f"{_DE}*AA 100",
               f"{_DE}*AA 1000", f"{_DE}-AA 100", f"{_DE}*AA 10=E", f"{_DE}*AA 100=H"),
         (f"{_DE}*|AA 100", f"{_DE}*|AA 1000", f"{_DE}*|A 10", f"{_DE}*A|1000"), "D", fonts="fe", weight=4.0),
    *_eu("F", ("AA-100-AA", "AA-000-AA", "100 AA 00", "1000 AA 00", "100 AAA 75", "1000 AA 10", "AA-123-AA"),
         ("AA-000|AA", "100 AA|00", "AA|000-AA"), "F", band="lr", colours=("black/white", "black/white", "black/yellow"),
         letters=NO_IO, weight=2.0),
    *_eu("I", ("AA 000AA", "AA 000 AA", "AA*000AA", "AA^000 AA"), ("AA|000AA", "AA 0|0000", "AA|00000"), "I", band="lr",
         letters=NO_IOQ, weight=2.0, fonts="narrow"),
    *_eu("E", ("0000 AAA", "0000-AAA", "[M,B,V,SE,MA,A,GC,O,BI,Z,PM,C,H,J,GR,CA]-0000-AA", "[M,B,V,SE,MA,A,GC]-0000-A"), ("0000|AAA", "[M,B,V,A]-0000|AA"), "E",
         letters="BCDFGHJKLMNPRSTVWXYZ", weight=2.0),
    *_eu("P", ("00-00-AA", "00-AA-00", "AA-00-00", "AA 00 AA"), ("00-00|AA", "AA-00|AA"), "P", band="lr"),
    *_eu("NL", ("00-AA-AA", "00-AAA-0", "0-AAA-00", "AA-000-A", "A-000-AA", "AA-00-00", "AAA-00-A", "00-AA-00"),
         ("00-AA|AA", "AA-00|00", "0-AAA|00", "AA-000|A"), "NL", colours=("black/yellow",), weight=1.5),
    *_eu("B", ("1-AAA-000", "AAA-000", "000-AAA"), ("1-AAA|000", "AAA|000"), "B", colours=("red/white",)),
    *_eu("A", ("[W,G,L,S,I,K,B,BR,VB,WT,GU,LL,SR]*00000=A", "[W,G,L,S,I,K,B,BR,VB,WT,GU,LL,SR]*100 AA", "[W,G,L,KL,BR]*1000 A", "[W,GU,ME]^10 AAA"), ("[W,G,L,S]*100|AA", "[GU,BR]*10|AAA"), "A"),
    *_eu("PL", (f"{PL_AREAS}*00000", f"{PL_AREAS}*0000A", f"{PL_AREAS}*000AA", f"{PL_AREAS} 0A000", f"{PL_AREAS} 00AA", f"{PL_AREAS}*A000"),
         (f"{PL_AREAS}*|00000", f"{PL_AREAS}*|A000", f"{PL_AREAS}|000AA"), "PL", weight=1.5),
    *_eu("CZ", ("1A0*0000", "0[A,S,B,T,C,M,L,Z,P,U,E,H,J,K]0 0000", "[AB,AA,BZ]A 00-00", "1AA*0000"), ("1A0*|0000", "0A0|0000"), "CZ", letters="ABCEHJKLMPSTUXYZ"),
    *_eu("SK", ("[BA,BB,KE,ZA,NR,TT,PO,TN,BL,DS,SC,MT,LM]*000AA", "AA^000AA", "AA 000AA"), ("[BA,KE,ZA]*|000AA",), "SK"),
    *_eu("H", ("AAA-000", "AAA*000", "AA AA-000", "AAA 000"), ("AAA|000", "AA AA|000"), "H", letters=NO_IOQ),
    *_eu("RO", (f"{RO_AREAS} 00 AAA", "=B 00 AAA", "=B 100 AAA", f"{RO_AREAS} 000000", f"{RO_AREAS} 00 AAA"),
         (f"{RO_AREAS} 00|AAA", "=B 100|AAA"), "RO", letters=NO_IO + "I", weight=2.0),
    *_eu("BG", ("[A,B,C,CA,CB,BT,PB,PA,TX,KH,OB,EH,E,M,H,P,X,Y]*0000 AA", "[A,B,CA,CB,PB]^0000 AA"), ("[CA,CB,PB]0000|AA", "[A,B]0|000AA"), "BG", letters="ABEKMHOPCTYX"),
    *_eu("GR", ("AAA-0000", "AAA^0000", "AAA 0000"), ("AAA|0000",), "GR", letters="ABEZHIKMNOPTYX"),
    *_eu("IRL", ("00-[D,C,G,L,W,WH,KE,MH,LK,TN,WX,CW]-100", "00-=D-10000", "[131,132,141,142,151,152,161,171,172,181,182,191]-[D,C,G,L,KE]-1000", "000-=D-00000", "00 A 000"),
         ("00-=D|10000", "[141,151,162]-=C|100"), "IRL", head=("BAILE ATHA CLIATH", "CORCAIGH", "GAILLIMH"), head_ratio=0.5, letters="DCGLW"),
    *_eu("DK", ("AA 00 000", "AA 00.000"), ("AA|00 000", "AA 00|000"), "DK", band_ratio=0.5),
    *_eu("S", ("AAA 000", "AAA 00A", "AAA*000", "AAA*00A"), ("AAA|000", "AAA|00A"), "S", letters="ABCDEFGHJKLMNOPRSTUWXYZ"),
    *_eu("FIN", ("AAA-000", "AA-100", "AAA-10", "AAA-1"), ("AAA|000", "AA|100"), "FIN"),
    *_eu("EST", ("000 AAA", "000AAA", "00 AAA"), ("000|AAA",), "EST"),
    *_eu("LV", ("AA-0000", "AA-100", "AA-10", "AA-1"), ("AA|0000", "AA|100"), "LV"),
    *_eu("LT", ("AAA*000", "AAA^000", "AAA 000"), ("AAA|000",), "LT"),
    *_eu("SLO", ("[LJ,MB,CE,KP,KR,GO,NM,MS,SG]^AA-000", "[LJ,MB,CE,KP]^00-AAA", "[LJ,KR]*A0-000"), ("[LJ,MB]^|AA-000",), "SLO"),
    *_eu("HR", ("[ZG,ST,RI,OS,ZD,PU,VZ,KA,SI,SB,BJ]*000-AA", "[ZG,ST,RI]*0000-AA", "[ZG,ZD]^000-A"), ("[ZG,ST]*|000-AA",), "HR"),
    *_eu("SRB", ("[BG,NS,NI,KG,SU,VA,PA,ZR,VS]*000-AA", "[BG,NS]*0000-AA", "[BG,VS]^000-AA"), ("[BG,NS]*|000-AA",), "SRB"),
    *_eu("L", ("AA 0000", "00000", "AA0000", "0000"), ("AA|0000", "00|000"), "L", colours=("black/yellow",)),
    *_eu("UA", ("AA 0000 AA", "AA0000AA"), ("AA 0000|AA", "AA00|00AA"), "UA", letters=UA_LETTERS, weight=1.5),
    *_eu("TR", (f"{TR_AREAS} AA 000", f"{TR_AREAS} AAA 00", f"{TR_AREAS} A 0000", f"{TR_AREAS} AA 0000", f"{TR_AREAS} AAA 000"), (f"{TR_AREAS}|AA 000", f"{TR_AREAS} AA|0000"), "TR", letters="ABCDEFGHIJKLMNOPRSTUVYZ", weight=1.5),
    *_pair("CH", ("[ZH,BE,LU,UR,SZ,GL,ZG,FR,SO,BS,BL,SH,AR,AI,SG,GR,AG,TG,TI,VD,VS,NE,GE,JU]^100000", "*[ZH,BE,GE,VD,TI,AG]^10000*", "*[ZH,BE,SG]-100000*", "*[ZH,VS]^1000*"),
           ("*[ZH,BE,GE,VD]*|100000", "[AG,SG,LU]^|10000"), fonts="din"),
    *_pair("N", ("AA 00000", "AA 10000"), ("AA|00000", "AA|10000"), band="l", band_ratio=0.6, band_text=("N",)),
    *_pair("RUS", (f"A000AA<[77,99,97,177,197,777,78,98,178,50,150,90,16,116,23,93,123,61,66,96,196,72,74,02,52,63,136,36,54,124,24,25,27,34]>",
                   "A000AA<00>", "AA000<77>", "1000AA<00>"), ("A000|AA<00>", "A 000|AA <00>", "0000|AA<00>"), letters=RU_LETTERS, weight=2.5,
           colours=("black/white", "black/white", "black/white", "white/red", "white/blue", "black/yellow")),
    *_pair("BY", ("0000 AA-[1,2,3,4,5,6,7]", "*0000 AA-[1,2,5,7]"), ("0000|AA-[1,5,7]",), letters="ABEIKMHOPCTX"),
    *_pair("BIH", ("A00-A-000", "000-A-000"), ("A00-A|000",), letters="AEJKMOT", band="l", band_text=("BIH",)),
    *_pair("MK", ("[SK,BT,KU,OH,TE]*0000 AA", "[SK,BT]*000-AA"), ("[SK,BT]*|0000AA",), band="l", band_text=("MK",)),
    *_pair("AL", ("AA 000 AA", "AA*000AA"), ("AA 000|AA",), band="lr", band_text=("AL",)),
    *_pair("MD", ("AAA 000", "=C =T*AA 000", "A AA 000"), ("AAA|000",), band="l", band_text=("MD",)),
    *_pair("IS", ("AA*A00", "AA*000", "AA A 00"), ("AA|000",), band="l", band_ratio=0.6, band_text=("IS",)),
    Layout("MC", ("*1000", "*A00A", "*000A"), EU_MM, ("blue/white",), foot=("PRINCIPAUTE DE MONACO",), weight=0.3),
)
