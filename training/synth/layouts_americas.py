"""Plates of the Americas and Oceania: small wide formats with names, slogans and pictures."""

from __future__ import annotations

from training.synth.layouts import NO_IOQ, US_MM, Layout

_STATES: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("ALABAMA", "Heart of Dixie", ("00A0000", "00A00A0", "1AA0000"), ("blue/white", "black/white")),
    ("ALASKA", "The Last Frontier", ("AAA 000", "AAA^000"), ("blue/yellow", "black/yellow")),
    ("ARIZONA", "Grand Canyon State", ("AAA0000", "AA^00000", "A0A 00A"), ("blue/lilac", "green/lilac")),
    ("ARKANSAS", "The Natural State", ("000 AAA", "000^AAA", "AAA 00A"), ("red/white", "black/white")),
    ("California", "dmv.ca.gov", ("1AAA000", "[4,5,6,7,8]AAA000", "0A00000", "1A00000"), ("blue/white", "blue/white", "yellow/black")),
    ("COLORADO", "", ("AAA-000", "AAA^000", "000-AAA", "AAA-A00"), ("white/green", "green/white")),
    ("Connecticut", "Constitution State", ("AA.00000", "000.AAA", "000-AAA"), ("blue/sky",)),
    ("DELAWARE", "THE FIRST STATE", ("000000", "00000", "=C =D 000000"), ("yellow/blue",)),
    ("FLORIDA", "SUNSHINE STATE", ("AAA ^A00", "AAA^A00", "AAA^000", "A00^0AA", "000 ^AAA"), ("green/white",)),
    ("GEORGIA", "COUNTY NAME", ("AAA0000", "AAA 0000", "AA00000"), ("black/white", "blue/white")),
    ("HAWAII", "Aloha State", ("AAA 000", "AAA000"), ("black/white",)),
    ("IDAHO", "Famous Potatoes", ("0A 00000", "1A A0000", "0A 000AA"), ("blue/white",)),
    ("ILLINOIS", "Land of Lincoln", ("AA 00000", "A00 0000", "000 0000", "AAA 00", "AA.00000"), ("red/white", "blue/white")),
    ("INDIANA", "In God We Trust", ("000AAA", "000A", "00A0000", "AAA 000"), ("blue/white", "black/sky")),
    ("IOWA", "COUNTY", ("AAA 000", "000 AAA"), ("blue/white", "black/sky")),
    ("KANSAS", "to the stars", ("000 AAA", "AAA 000", "000^AAA"), ("blue/sky", "black/sky")),
    ("KENTUCKY", "BLUEGRASS STATE", ("000 AAA", "000^AAA", "AAA000"), ("blue/white",)),
    ("LOUISIANA", "Sportsman's Paradise", ("AAA 000", "000 AAA", "AAA000"), ("blue/white", "red/white")),
    ("MAINE", "Vacationland", ("0000 AA", "AAA-000", "1000 AA"), ("black/white", "green/white")),
    ("MARYLAND", "MARYLAND.GOV", ("0AA0000", "AAA 000", "1AA^0000", "000 AAA", "AAA^000"), ("black/white",)),
    ("Massachusetts", "The Spirit of America", ("000 AA0", "0AA A00", "000.AAA", "1AA 000"), ("red/white", "green/white")),
    ("MICHIGAN", "Great Lakes", ("AAA 0000", "AAA 000", "0AA A00", "AAA.000"), ("blue/white", "white/blue")),
    ("Minnesota", "10,000 lakes", ("000-AAA", "AAA-000", "000.AAA"), ("blue/sky", "blue/white")),
    ("MISSISSIPPI", "COUNTY", ("AAA 000", "000 AAA"), ("blue/white", "black/sand")),
    ("MISSOURI", "SHOW-ME STATE", ("AA0 A0A", "000 AAA", "AA0-A0A", "AA0^A0A"), ("blue/white", "black/sky")),
    ("MONTANA", "Treasure State", ("0-00000=A", "00-0000=A", "AAA 000", "0^00000A"), ("white/blue", "blue/white")),
    ("NEBRASKA", "", ("AAA 000", "0-A0000", "00-A000", "AAA.000"), ("black/white", "black/yellow")),
    ("NEVADA", "THE SILVER STATE", ("000.AAA", "000-AAA", "00A.000", "000^AAA"), ("blue/sky", "blue/white")),
    ("NEW HAMPSHIRE", "LIVE FREE OR DIE", ("000 0000", "1000000", "AAA 000"), ("green/white",)),
    ("NEW JERSEY", "Garden State", ("AAA 00A", "A00 AAA", "AA 000A", "A00^AAA", "AAA-00A"), ("black/yellow",)),
    ("NEW MEXICO", "Land of Enchantment", ("000^AAA", "AAA000", "000-AAA"), ("red/yellow", "yellow/turquoise")),
    ("NEW YORK", "EMPIRE STATE", ("AAA-0000", "AAA^0000", "AAA 0000", "A00 0AA"), ("blue/white", "blue/yellow")),
    ("NORTH CAROLINA", "First in Flight", ("AAA-0000", "AAA 0000"), ("blue/white", "red/white")),
    ("NORTH DAKOTA", "Peace Garden State", ("AAA 000", "000 AAA"), ("black/white", "red/sky")),
    ("OHIO", "BIRTHPLACE OF AVIATION", ("AAA 0000", "AAA.0000", "AA00 AA"), ("blue/white", "red/white")),
    ("OKLAHOMA", "NATIVE AMERICA", ("000 AAA", "AAA 000", "AAA-000", "000^AAA"), ("green/white", "black/sky")),
    ("OREGON", "", ("000 AAA", "AAA 000", "000^AAA", "AA0 00000"), ("blue/white", "black/sand")),
    ("PENNSYLVANIA", "visitPA.com", ("AAA-0000", "AAA^0000", "AAA 0000", "AAA.0000"), ("blue/white",)),
    ("Rhode Island", "Ocean State", ("000-000", "AA-000", "00000", "AAA 00"), ("black/white", "blue/white")),
    ("SOUTH CAROLINA", "While I Breathe, I Hope", ("AAA 000", "000 AAA", "AAA^000"), ("blue/white", "green/sand")),
    ("SOUTH DAKOTA", "Great Faces. Great Places.", ("00A 000", "1AA 000", "0AA^000"), ("blue/white", "black/sky")),
    ("TENNESSEE", "The Volunteer State", ("AAA 000", "A00 00A", "000-AAA", "A00-00A"), ("blue/green", "black/white")),
    ("TEXAS", "THE LONE STAR STATE", ("AAA-0000", "AA0 A000", "AAA^0000", "A00 AAA", "AAA^00A", "000 AAA"), ("black/white", "blue/white")),
    ("UTAH", "Greatest Snow on Earth", ("A00 0AA", "000 AAA", "A00^0AA", "000^AAA"), ("black/white", "blue/white", "black/sand")),
    ("VERMONT", "Green Mountain State", ("AAA 000", "000A000", "AAA^000"), ("white/green",)),
    ("VIRGINIA", "Virginia is for Lovers", ("AAA-0000", "AAA 0000", "AAA.0000"), ("blue/white",)),
    ("WASHINGTON", "EVERGREEN STATE", ("AAA0000", "000-AAA", "AAA 000", "000 AAA"), ("blue/white", "red/white")),
    ("WEST VIRGINIA", "Wild, Wonderful", ("0AA 000", "00A 000", "AAA 000"), ("blue/white", "blue/yellow")),
    ("WISCONSIN", "America's Dairyland", ("000-AAA", "AAA-0000", "000^AAA"), ("black/white", "red/white")),
    ("WYOMING", "Forever West", ("0-00000", "00-0000", "00^000A"), ("brown/sky", "black/white")),
    ("Ontario", "YOURS TO DISCOVER", ("AAAA^000", "AAA^000", "AAAA 000", "0A0000"), ("blue/white",)),
    ("Québec", "Je me souviens", ("A00 AAA", "000 AAA", "AAA 000", "A00^AAA"), ("blue/white",)),
    ("British Columbia", "Beautiful", ("AA0 00A", "000 AAA", "AAA 000", "AA0^00A"), ("blue/white",)),
    ("Alberta", "Wild Rose Country", ("AAA-0000", "AAA-000"), ("red/white",)),
)

_VANITY = ("AAAA", "AAAAA", "AAAAAA", "AAAAAAA", "AA 1", "AAA 1", "A 1", "AAAA 10", "0AAAAA", "AAAA0AA", "AA")

US = tuple(
    Layout(
        "US", patterns, US_MM, colours, "ABCDEFGHJKLMNPRSTUVWXYZ" if len(state) % 2 else "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "us", head=(state,), foot=(slogan or state,), head_ratio=0.92, foot_ratio=0.8, graphics_ratio=0.35,
        sticker_ratio=0.5, line_ratio=0.5, weight=0.16,
    )
    for state, slogan, patterns, colours in _STATES
)
US_VANITY = tuple(
    Layout(
        "US-VANITY", _VANITY, US_MM, colours, fonts="us", head=(state,), foot=(slogan or state,), head_ratio=0.92,
        foot_ratio=0.8, graphics_ratio=0.45, sticker_ratio=0.4, line_ratio=0.5, weight=0.012,
    )
    for state, slogan, _, colours in _STATES
)
_AU = ("black/white", "black/yellow", "blue/white", "white/black", "green/white")
BR_CITIES = ("SP - SAO PAULO", "RJ - RIO DE JANEIRO", "MG - BELO HORIZONTE", "PR - CURITIBA", "RS - PORTO ALEGRE",
             "BA - SALVADOR", "SC - JOINVILLE", "DF - BRASILIA", "ES - VITORIA", "GO - GOIANIA", "PE - RECIFE")  # fmt: skip

AMERICAS: tuple[Layout, ...] = (
    *US,
    *US_VANITY,
    Layout("US-MOTO", ("AA|0000", "AAA|00", "A00|00A", "00|A00"), (180.0, 105.0), ("black/white", "blue/white", "green/white"),
           fonts="us", head=("TEXAS", "OHIO", "FLORIDA", "MC"), foot=("MOTORCYCLE", ""), head_ratio=0.8, foot_ratio=0.5, sticker_ratio=0.3, weight=0.6),
    Layout("BR", ("AAA-0000", "AAA.0000", "AAA 0000"), (400.0, 130.0), ("black/grey", "black/grey", "white/red", "black/white"),
           fonts="din", head=BR_CITIES, line_ratio=0.55, weight=4.0),
    Layout("BR-MOTO", ("AAA|0000",), (187.0, 136.0), ("black/grey", "white/red"), head=BR_CITIES, weight=1.5),
    Layout("BR-MERCOSUR", ("AAA0A00", "AAA0A00"), (400.0, 130.0), ("black/white", "red/white", "blue/white"), fonts="fe",
           head=("BRASIL",), band="t", line_ratio=0.6, weight=2.0),
    Layout("BR-MERCOSUR-MOTO", ("AAA|0A00",), (200.0, 170.0), ("black/white", "red/white"), fonts="fe", head=("BRASIL",), band="t", weight=1.2),
    Layout("AR-MERCOSUR", ("AA 000 AA",), (400.0, 130.0), ("black/white",), fonts="fe", head=("REPUBLICA ARGENTINA",), band="t", line_ratio=0.6),
    Layout("AR", ("AAA 000", "AAA-000", "AAA^000"), (294.0, 129.0), ("white/black",), head=("ARGENTINA",), line_ratio=0.6),
    Layout("AR-MOTO", ("000|AAA", "A000|AAA"), (190.0, 140.0), ("black/white", "white/black"), head=("ARGENTINA", "MERCOSUR"), head_ratio=0.7, weight=0.5),
    Layout("CL", ("AA.AA.00", "AA*AA.00", "AA.00.00", "AAAA*00"), (360.0, 130.0), ("black/white",), "BCDFGHJKLPRSTVWXYZ", foot=("CHILE",), line_ratio=0.65),
    Layout("CO", ("AAA 000", "AAA.000", "AAA-00A"), (330.0, 160.0), ("black/yellow", "black/white"), foot=("BOGOTA D.C.", "MEDELLIN", "CALI"), line_ratio=0.58),
    Layout("CO-MOTO", ("AAA|00A", "AAA|000"), (235.0, 105.0), ("black/yellow",), foot=("BOGOTA D.C.", "ENVIGADO"), weight=0.6),
    Layout("MX", ("AAA-00-00", "AAA-000-A", "000-AAA", "A00-AAA", "AAA^00^00"), US_MM, ("black/white", "green/white", "blue/white"), "ABCDEFGHJKLMNPRSTUVWXYZ",
           fonts="us", head=("JALISCO", "CDMX", "MEXICO", "NUEVO LEON"), foot=("TRANSPORTE PRIVADO AUTOMOVIL", "MEXICO"), graphics_ratio=0.4, line_ratio=0.45),
    Layout("PE", ("A0A-000", "AAA-000", "AA0-000"), US_MM, ("black/white", "black/yellow"), head=("PERU",), line_ratio=0.55, weight=0.6),
    Layout("EC-UY-PY", ("AAA-0000", "AAA 0000", "AAA 000"), US_MM, ("black/white",), head=("ECUADOR", "URUGUAY", "PARAGUAY", "VENEZUELA", "GUATEMALA"), line_ratio=0.55),
    Layout("AU", ("AAA 000", "AAA-000", "AAA 00A", "AA-00-AA", "1AA 0AA", "000 AAA", "AAA^000", "=S000-AAA", "1AA-000"), (372.0, 134.0), _AU,
           fonts="us", foot=("NSW", "NEW SOUTH WALES", "VICTORIA - THE PLACE TO BE", "QUEENSLAND - SUNSHINE STATE", "WESTERN AUSTRALIA", "SOUTH AUSTRALIA"), line_ratio=0.62, weight=1.5),
    Layout("AU-MOTO", ("AAA|00", "AA|000", "1A|0AA"), (200.0, 120.0), _AU, foot=("VIC", "NSW"), weight=0.4),
    Layout("NZ", ("AAA100", "AA1000", "AAA 100"), (360.0, 125.0), ("black/white", "white/black"), fonts="us", foot=("NEW ZEALAND", ""), foot_ratio=0.2),
    Layout("ZA", ("AA 00 AA =G=P", "=C=A 000-000", "AAA 000 =G=P", "=N=D 000-000"), EU_MM_ZA := (440.0, 120.0), ("black/white", "blue/yellow"), NO_IOQ, band="", sticker_ratio=0.1),
    Layout("KE", ("=K=A1 000A", "=K=BA 000A", "=K=CA 000A"), EU_MM_ZA, ("black/yellow", "black/white"), weight=0.7),
    Layout("NG", ("AAA-000AA", "AAA 000 AA"), US_MM, ("blue/white",), head=("LAGOS", "ABUJA FCT"), foot=("CENTRE OF EXCELLENCE",), graphics_ratio=0.3, line_ratio=0.5, weight=0.6),
    Layout("MA", ("00000-~-00", "10000 ~ 10"), EU_MM_ZA, ("black/white",), weight=0.5),
    Layout("TN", ("000 ~~~ 0000", "100 ~~ 1000"), EU_MM_ZA, ("white/black",), weight=0.4),
)
