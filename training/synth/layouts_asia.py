"""Plates of Asia and the Gulf; foreign letters are drawn and never read."""

from __future__ import annotations

from training.synth.layouts import EU_MM, NO_IO, NO_IOQ, US_MM, Layout

IN_AREAS = "[MH,DL,KA,TN,KL,AP,TS,GJ,HR,UP,RJ,MP,WB,PB,CH,UK,OD,JH,BR,AS,GA,HP,JK,CG,PY]"
VN_AREAS = "[11,12,14,15,17,18,19,20,22,24,29,30,34,36,37,43,47,49,50,51,54,56,59,60,61,62,63,64,65,66,67,68,70,71,72,74,77,78,79,81,86,92,93,95,99]"
VN_LETTERS = "ABCDEFGHKLMNPSTUVXYZ"
PK_FOOT = ("ICT-ISLAMABAD", "SINDH", "PUNJAB", "KPK", "PESHAWAR", "BALOCHISTAN", "ISLAMABAD")
PK_MM = (300.0, 150.0)
GULF = ("DUBAI", "SHARJAH", "AJMAN", "ABU DHABI", "UAE", "U.A.E", "KSA", "QATAR", "OMAN", "KUWAIT", "BAHRAIN")
CN_MM = (440.0, 140.0)
VN_COLOURS = ("black/white", "black/white", "black/white", "white/blue", "black/yellow")
IN_COLOURS = ("black/white", "black/white", "black/yellow", "white/black", "white/green")

ASIA: tuple[Layout, ...] = (
    Layout("VN", (f"{VN_AREAS}A-000.00", f"{VN_AREAS}A-0000"), (470.0, 110.0), VN_COLOURS, VN_LETTERS, weight=1.0),
    Layout("VN-CAR2", (f"{VN_AREAS}A|000.00", f"{VN_AREAS}A|0000", f"{VN_AREAS}A|000-00"), (280.0, 200.0), VN_COLOURS, VN_LETTERS, weight=1.0),
    Layout("VN-MOTO", (f"{VN_AREAS}-A1|000.00", f"{VN_AREAS}-A1|0000", f"{VN_AREAS}-AA|000.00", f"{VN_AREAS}A1|0000", f"{VN_AREAS}-A1|000 00"),
           (190.0, 140.0), VN_COLOURS, VN_LETTERS, weight=3.0),
    Layout("IND", (f"{IN_AREAS}00 AA 0000", f"{IN_AREAS} 00 AA 0000", f"{IN_AREAS}00AA0000", f"{IN_AREAS}-00-A-0000", f"{IN_AREAS} 00 A 0000", f"{IN_AREAS}1 =CAA 0000", "00 =B=H 0000 AA"),
           (500.0, 120.0), IN_COLOURS, NO_IO, "narrow", band="l", band_ratio=0.35, band_text=("IND",), weight=2.5),
    Layout("IND2", (f"{IN_AREAS} 00|AA 0000", f"{IN_AREAS}00 A|0000", f"{IN_AREAS}00AA|0000", f"{IN_AREAS} 00 AA|0000", f"{IN_AREAS}-00|A-0000"),
           (200.0, 100.0), IN_COLOURS, NO_IO, "din", band="l", band_ratio=0.25, band_text=("IND",), weight=1.8),
    Layout("PK", ("AAA-000", "AA-000", "AAA-100", "AA-100", "AAA 000", "AA 1000", "A-1000", "AAA-0000"), PK_MM,
           ("black/white", "black/yellow", "blue/white", "black/yellow"), foot=PK_FOOT, foot_ratio=0.85, band="l", band_ratio=0.2, band_colour="green",
           graphics_ratio=0.15, line_ratio=0.52, weight=2.0),
    Layout("PK-OLD", ("AAA 1000", "AAA-100", "AA 1000", "AAA.1000", "AAA 10"), EU_MM, ("black/white", "white/black", "black/yellow"), fonts="any", weight=1.2),
    Layout("PK-PUNJAB", ("[LE,LEA,LEB,LEC,LED,LEE,LEF,LEG,LEH,LES,RIA,RIS,FDA,MN,GA,ST,LZ]-<[05,06,07,08,09,10,11,12,13,14,15,16,17,18,19]>|0000",
                         "[LEA,LEB,LEC,LED,LEF,LXR,LZL,FSD]|1000", "[LE,RI,MN]-<[10,11,14,15,16]>|000"), (300.0, 160.0),
           ("black/white", "black/white", "white/green", "white/black"), band="l", band_ratio=0.8, band_colour="green", band_text=("PUNJAB",), weight=1.6),
    Layout("UAE", ("A 00000", "1000", "10000", "00000", "A 1000", "AA 10000", "00 00000"), US_MM, ("black/white", "white/red", "black/grey"), foot=GULF, head=("~~~ ~~",), head_ratio=0.5,
           fonts="any", foot_ratio=0.6, line_ratio=0.5, weight=1.0),
    Layout("UAE-WIDE", ("A ~~ 10000", "A <~~> 00000", "~~ 100000", "10000 ~~", "A * 1000", "~ 10000 A"), EU_MM, ("black/white", "white/red"), band="l", band_ratio=0.3, band_colour="red", weight=1.2),
    Layout("KSA", ("1000 AAA", "0000 A A A"), EU_MM, ("black/white",), "ABDEGHJKLNRSTUVXZ", band="r", band_colour="grey", band_text=("KSA",), head=("~~~~ ~~~",), head_ratio=0.8, line_ratio=0.45, weight=0.8),
    Layout("KW-OM", ("00-10000", "0000 A", "00 AA", "10000 A"), (340.0, 150.0), ("black/white", "black/yellow", "white/red"), head=("~~~ KUWAIT", "~~~ OMAN", "BAHRAIN ~~~"), line_ratio=0.5, weight=0.6),
    Layout("IL", ("00-000-00", "000-00-000", "00.000.00", "000*00*000"), EU_MM, ("black/yellow",), band="l", band_ratio=0.7, band_text=("IL",), weight=1.2),
    Layout("IL2", ("00-0|00-00", "000-|00-000", "00|000-00"), (200.0, 150.0), ("black/yellow",), weight=0.3),
    Layout("PH", ("AAA 000", "AAA 0000", "AAA-000", "AA 00000"), (390.0, 140.0), ("black/white", "green/white"), foot=("PILIPINAS", "MATATAG NA REPUBLIKA", "REGION IV-A", "NCR"), fonts="din", line_ratio=0.6, graphics_ratio=0.15, weight=1.5),
    Layout("PH-MOTO", ("0000|AA", "AA|0000", "A 000|AA", "00000|AA"), (230.0, 130.0), ("black/white", "green/white"), head=("REGION III", "MC", "LTO"), head_ratio=0.5, weight=0.8),
    Layout("MY", ("AAA 1000", "AA 1000", "=WAA 1000", "AAA 100", "=WA 1000 A"), EU_MM, ("white/black",), NO_IO, "any", weight=1.5),
    Layout("MY2", ("AAA|1000", "AA|1000", "=W=AA|1000"), (200.0, 130.0), ("white/black",), NO_IO, "any", weight=0.8),
    Layout("SG", ("=SAA 1000 A", "=SAA1000A", "=G=BA 1000 A"), EU_MM, ("white/black", "black/white", "black/yellow"), NO_IO, "uk", weight=1.0),
    Layout("SG2", ("=SAA|1000A", "=FA|1000A"), (240.0, 150.0), ("white/black", "black/white"), NO_IO, "uk", weight=0.4),
    Layout("ID", ("[B,D,F,L,N,H,AB,AD,DK,BK,BP,KT,DD] 1000 AAA", "[B,D,L,AB,DK] 1000 AA", "=B 1000 AAA"), (430.0, 135.0), ("white/black", "black/white", "black/yellow"), fonts="narrow", foot=("01.25", "08.17", "11.20"), foot_ratio=0.8, line_ratio=0.55, weight=1.2),
    Layout("TH", ("~~ 1000", "0~~ 1000", "~~ 100", "1~~ 000"), (340.0, 150.0), ("black/white",), foot=("~~~~~~~",), line_ratio=0.5, weight=0.8),
    Layout("J", ("~~ 000|~ 00-00", "~~ 300|~ 10-00", "~~ 500|~ 00-00"), (330.0, 165.0), ("green/white", "black/yellow"), weight=0.8),
    Layout("ROK", ("00~ 0000", "000~ 0000", "00 ~ 1000"), EU_MM, ("black/white", "black/white"), weight=0.8),
    Layout("ROK2", ("~~ 00|~ 0000", "~~ 0 ~|0000", "~~ 00 ~|1000"), (335.0, 170.0), ("white/green", "black/yellow", "black/white"), weight=0.5),
    Layout("CN", ("~A.00000", "~A.0A000", "~A.A0000", "~A.AA000", "~A.000AA", "~A.0000A", "~A.A000A", "~A.0A00A"), CN_MM, ("white/blue", "white/blue", "black/yellow"), NO_IO, weight=1.0),
    Layout("CN-CUT", ("A.00000", "A.0A000", "A.AA000", "A.000AA", "A.00A00", "A.A0A00"), (370.0, 140.0), ("white/blue",), NO_IO, weight=0.6),
    Layout("CN2", ("~ A|00000", "~.A|0A000"), (440.0, 220.0), ("black/yellow",), NO_IO, weight=0.4),
    Layout("CN-GREEN", ("~A=D00000", "~A.=D00000", "~A=F00000"), (480.0, 140.0), ("black/green",), NO_IO, weight=0.4),
    Layout("HK", ("AA 1000", "AA 100", "AA1000"), EU_MM, ("black/white", "black/yellow"), NO_IOQ, "uk", weight=0.7),
    Layout("HK2", ("AA|1000", "AA|100"), (250.0, 170.0), ("black/white", "black/yellow"), NO_IOQ, "uk", weight=0.4),
    Layout("TW", ("AAA-0000", "0000-AA", "AA-0000", "000-AAA"), (380.0, 160.0), ("black/white", "green/white"), NO_IO, line_ratio=0.65, weight=0.8),
    Layout("LK", ("AA AAA-0000", "AAA-0000", "00-0000", "AA AA-0000"), EU_MM, ("black/white", "black/yellow"), weight=0.6),
    Layout("BD-NP", ("~~ ~ 00-0000", "~ 0 ~ 0000"), US_MM, ("black/white", "white/red"), head=("~~~~~ ~~",), head_ratio=0.5, weight=0.3),
    Layout("KZ", ("000 AAA <00>", "000AA<00>", "A000AAA"), EU_MM, ("black/white",), band="l", band_text=("KZ",), weight=0.8),
    Layout("KZ2", ("000|AAA <00>", "00 AAA|000"), (280.0, 200.0), ("black/white",), weight=0.3),
    Layout("UZ", ("<01> A 000 AA", "<30> 000 AAA", "<00>A000AA"), EU_MM, ("black/white",), band="r", band_text=("UZ",), weight=0.6),
    Layout("GE-AM-AZ", ("AA-000-AA", "00 AA 000", "00-AA-000"), EU_MM, ("black/white",), band="l", band_text=("GE", "AM", "AZ"), weight=0.8),
    Layout("IR", ("00 ~ 000 <00>", "000 ~ 00"), EU_MM, ("black/white",), band="l", band_text=("I.R.",), weight=0.2),
    Layout("RANDOM", ("??????", "???????", "?????", "????????", "?? ????", "??? ???", "??-??-??", "????", "?????????"), EU_MM, ("black/white", "white/black", "black/yellow"), fonts="any", weight=1.0),
    Layout("RANDOM2", ("???|???", "???|????", "??|????", "????|????", "????|?????", "??|???"), (240.0, 160.0), ("black/white", "white/black", "black/yellow"), fonts="any", weight=1.5),
    Layout("SHOW", ("AAAA", "AAAAA", "AAA 1", "A 1", "AA 10", "AAAAAA", "1AAA", "AAA"), EU_MM, ("black/white", "white/black", "black/yellow", "grey/black", "red/black"), fonts="any", weight=0.6),
)
