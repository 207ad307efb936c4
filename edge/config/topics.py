"""Rules of MQTT topic templates, checked when the settings are read rather than at the first event.

Limits of AWS IoT Core: 256 bytes and 7 slashes, the prefix of Basic Ingest
not counted ("AWS IoT Core message broker limits", "Basic Ingest").
"""

from __future__ import annotations

import re
import string

FIELDS = ("site", "lane", "camera", "type", "client_id")
LONGEST_NAME = 64  # of a site, lane or camera; see config.base.Name
MQTT_BYTES = 65_535
AWS_BYTES = 256
AWS_SLASHES = 7
BASIC_INGEST = re.compile(r"^\$aws/rules/[A-Za-z0-9_]{1,128}/")


def fields_of(template: str) -> set[str]:
    """Return the names in braces.

    Raises:
        ValueError: the braces do not match, or a name carries a format or conversion.
    """
    names = set()
    for _, name, form, conversion in string.Formatter().parse(template):
        if name is not None and (form or conversion or not name):
            raise ValueError(f"{{{name}}} may hold only a name")
        if name is not None:
            names.add(name)
    return names


def check_template(template: str, fields: tuple[str, ...] = FIELDS) -> str:
    """Return `template` if every topic made from it is allowed by MQTT.

    Raises:
        ValueError: says what is wrong and what would be right.
    """
    unknown = fields_of(template) - set(fields)
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in fields)
        raise ValueError(f"topic {template!r}: unknown variable {{{min(unknown)}}}; use {known}")
    if not template or "\0" in template:
        raise ValueError("a topic must not be empty; e.g. anpr/{site}/{lane}/events")
    if set(template) & set("+#"):
        raise ValueError(f"topic {template!r}: + and # are for subscribers; remove them")
    if "//" in template or template.startswith("/") or template.endswith("/"):
        raise ValueError(f"topic {template!r}: has an empty level; remove the slash too many")
    if template.startswith("$") and not BASIC_INGEST.match(template):
        raise ValueError(
            f"topic {template!r}: $ is reserved; only $aws/rules/<rule>/... (Basic Ingest) is meant for us"
        )
    if _longest(template) > MQTT_BYTES:
        raise ValueError(f"topic {template!r}: longer than {MQTT_BYTES} bytes; shorten it")
    return template


def check_for_aws(template: str) -> str | None:
    """Return what AWS IoT Core would refuse about `template`, or None."""
    rest = BASIC_INGEST.sub("", template)
    if rest.count("/") > AWS_SLASHES:
        return f"topic {template!r} has {rest.count('/')} slashes, AWS IoT Core allows {AWS_SLASHES}; use fewer levels"
    if _longest(rest) > AWS_BYTES:
        return f"topic {template!r} can get {_longest(rest)} bytes long, AWS IoT Core allows {AWS_BYTES}; shorten it"
    return None


def _longest(template: str) -> int:
    filled = template.format_map(dict.fromkeys(fields_of(template), ""))
    return len(filled.encode()) + LONGEST_NAME * sum(
        name is not None for _, name, _, _ in string.Formatter().parse(template)
    )
