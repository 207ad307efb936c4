"""Settings of the car park: what cannot work is refused, with a fix."""

from __future__ import annotations

import pytest

from edge.config import parse
from edge.errors import ConfigError

CAMERA = {"name": "gate-1", "lane": "in", "url": "rtsp://10.0.0.9/stream"}


@pytest.mark.parametrize(
    ("parking", "reason"),
    [
        ({"zone_topic": "anpr/{site}/free"}, "use {zone}"),
        ({"zone_topic": "$aws/rules/x/{zone}"}, "choose an ordinary one"),
        ({"share_topic": "a/b/c/d/e/f/g/h/{site}"}, "use fewer levels"),
        ({"share_topic": "anpr/{lane}"}, "unknown variable {lane}"),
        ({"zones": [{"name": "a", "lanes": ["x"]}, {"name": "a", "lanes": ["y"]}]}, "zone 'a' stands here twice"),
        ({"zones": [{"name": "a", "lanes": ["x"]}, {"name": "b", "lanes": ["x"]}]}, "lane 'x' stands here twice"),
        ({"zones": [{"name": "a", "lanes": ["x"], "inside": "b"}]}, "is not a zone"),
        (
            {
                "zones": [
                    {"name": "a", "lanes": ["x"], "inside": "b"},
                    {"name": "b", "lanes": ["y"], "inside": "a"},
                ]
            },
            "lies inside itself",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_that_cannot_work_are_refused(parking: dict[str, object], reason: str) -> None:
    """At the desk, not when the first car comes."""
    with pytest.raises(ConfigError) as caught:
        parse({"cameras": [CAMERA], "parking": parking})
    assert reason in str(caught.value)
