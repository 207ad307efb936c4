"""An evaluation as one HTML file that needs nothing else: numbers, conditions, every passage with pictures and votes.

Failures come first. All text is escaped; pictures are embedded; it works without a network and prints well.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from edge.replay.evaluate import Change, Evaluated, as_document
from edge.replay.scoring import SAME_PLATE, Outcome, PassageScore, Reported, edit_distance
from edge.replay.truth import Expects
from edge.replay.watch import Seen, Story
from edge.tracking.looks import LookWeight
from edge.types import Verdict

LOOKS_SHOWN = 10
NUMBERS = (
    ("recall", "passages found", "percent"), ("exact", "plate exact", "percent"),
    ("one_off_or_better", "at most one character off", "percent"), ("direction", "direction right", "percent"),
    ("duplicate_rate", "duplicates", "percent"), ("false_events", "false events", "count"),
    ("hasty", "early events that were wrong", "count"), ("latency_p50_s", "latency, median", "seconds"),
    ("latency_p95_s", "latency, p95", "seconds"), ("calibration_error", "calibration error", "number"),
)  # fmt: skip
GOOD = (Outcome.EXACT, Outcome.QUIET)


def html(videos: Sequence[Evaluated], title: str, changes: Sequence[Change] = (), broken: Sequence[str] = ()) -> str:
    """Return the whole page.

    Args:
        changes: against an older evaluation, shown at the top.
        broken: thresholds that do not hold, one sentence each.
    """
    document = as_document(videos)
    cards = [(p.failed, _passage(v, p)) for v in videos for p in v.score.passages]
    cards += [(True, _false_event(v, r)) for v in videos for r in v.score.false_events]
    failed = [card for bad, card in cards if bad]
    fine = [card for bad, card in cards if not bad]
    style = files("edge.replay").joinpath("report.css").read_text(encoding="utf-8")
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{style}</style><body><header><h1>{escape(title)}</h1>"
        f"<p class=sub>{_software(videos)}</p></header><main>{_verdict(failed, cards, broken)}{_numbers(document)}"
        f"{_changes(changes)}{_conditions(document)}"
        f"<h2>Failures <small>{len(failed)}</small></h2>{''.join(failed) or '<p class=none>None.</p>'}"
        f"<h2>As it should be <small>{len(fine)}</small></h2>{''.join(fine)}</main></body></html>\n"
    )


def _software(videos: Sequence[Evaluated]) -> str:
    for video in videos:
        for timed in video.watched.events:
            s = timed.event.software
            return escape(f"anpr-edge {s.version}, detector {s.detector}, reader {s.recogniser}")
    return "no event at all"


def _verdict(failed: Sequence[str], cards: Sequence[tuple[bool, str]], broken: Sequence[str]) -> str:
    if broken:
        return f"<section class='state bad'><b>Below the limits:</b> {escape('; '.join(broken))}.</section>"
    kind = "good" if not failed else "warn"
    text = f"{len(cards) - len(failed)} of {len(cards)} as they should be"
    return f"<section class='state {kind}'><b>{text}.</b></section>"


def _numbers(document: Mapping[str, Any]) -> str:
    summary, voting = document["summary"], document["voting"]
    tiles = [
        f"<div class=tile><b>{_number(summary[name], kind)}</b><span>{label}</span></div>"
        for name, label, kind in NUMBERS
    ]
    if voting["passages"]:
        early = f"{voting['early_single_best_wrong']} &rarr; {voting['early_vote_wrong']}"
        gain = f"{voting['single_best_wrong']} &rarr; {voting['vote_wrong']}"
        of = f"wrong of {voting['passages']}: best look &rarr; vote"
        tiles.append(
            f"<div class=tile><b>{early}</b><span>{of}, after {voting['early_looks']} looks</span></div>"
            f"<div class=tile><b>{gain}</b><span>{of}, in the end</span></div>"
        )
    if document["speed"]["times_real_time"]:
        tiles.append(
            f"<div class=tile><b>{document['speed']['times_real_time']}&times;</b><span>of real time</span></div>"
        )
    return f"<section class=tiles>{''.join(tiles)}</section>"


def _number(value: float | int | None, kind: str) -> str:
    if value is None:
        return "&ndash;"
    return {"percent": f"{100 * value:.1f}&thinsp;%", "seconds": f"{value:.2f}&thinsp;s"}.get(kind, f"{value:g}")


def _changes(changes: Sequence[Change]) -> str:
    if not changes:
        return ""
    marks = {True: "better", False: "worse", None: ""}
    rows = [
        f"<tr class='{marks[c.better]}'><td>{escape(c.what)}<td>{escape(c.old)}<td>{escape(c.new)}<td>{marks[c.better]}"
        for c in changes
    ]
    return f"<h2>Against the older run</h2><table><tr><th>what<th>before<th>now<th></tr>{''.join(rows)}</table>"


def _conditions(document: Mapping[str, Any]) -> str:
    conditions = document["by_condition"]
    if len(conditions) < 2:
        return ""
    rows = []
    for name, s in conditions.items():
        cells = "".join(
            f"<td class='num {_shade(s[key], good)}'>{_number(s[key], kind)}" for key, kind, good in _COLUMNS
        )
        rows.append(f"<tr><td>{escape(name)}<td class=num>{s['passages']}{cells}")
    head = "<th>found<th>exact<th>direction<th>duplicates<th>false<th>latency p50"
    return f"<h2>Conditions</h2><table><tr><th>condition<th>passages{head}</tr>{''.join(rows)}</table>"


_COLUMNS = (
    ("recall", "percent", 1.0), ("exact", "percent", 1.0), ("direction", "percent", 1.0),
    ("duplicate_rate", "percent", 0.0), ("false_events", "count", 0), ("latency_p50_s", "seconds", None),
)  # fmt: skip


def _shade(value: float | None, good: float | None) -> str:
    return "" if value is None or good is None or value == good else "off"


def _passage(video: Evaluated, p: PassageScore) -> str:
    story = _story(video, p)
    answer = p.reported.last.plate if p.reported else None
    kind = "bad" if p.failed else "good"
    text = _compared(p.reported.text if p.reported else "", p.passage.plate, p.outcome)
    facts = [f"{escape(video.path.name)}", escape(video.score.condition)]
    if p.passage.expects is not Expects.READ:
        facts.append({"optional": "cannot fairly be read", "nothing": "must stay silent"}[p.passage.expects.value])
    if p.passage.direction is not None and p.reported is not None:
        wrong = " class=wrong" if p.direction_right is False else ""
        facts.append(f"<span{wrong}>{p.reported.last.direction.value} (truth: {p.passage.direction.value})</span>")
    if p.latency_s is not None:
        facts.append(f"decided {p.latency_s:+.2f} s after first legible")
    if p.reported is None and story is not None and story.verdict_text:
        said = escape(story.verdict_text)
        facts.append(
            f"<span class=wrong>the vote said {said}, but there was no event: it never moved or was unsure</span>"
        )
    if p.outcome is Outcome.UNREAD and answer is not None:
        facts.append(f"best guess {escape(answer.text)} at {answer.probability:.1%}: below the final threshold")
    if p.hasty:
        facts.append("<span class=wrong>an early event said something else</span>")
    facts += [f"<span class=wrong>reported again: {escape(d.text or 'unread')}</span>" for d in p.duplicates]
    plate = f"<span class=plate>{escape(p.passage.plate or 'no plate')}</span>"
    head = f"<span class='badge {kind}'>{p.outcome.value}</span>{plate}{text}"
    return _card(kind, head, facts, answer, story, video)


def _false_event(video: Evaluated, r: Reported) -> str:
    stories = video.watched.stories_of(r.passage_id)
    head = f"<span class='badge bad'>false event</span><span class=answer>{escape(r.text or r.last.type.value)}</span>"
    facts = [escape(video.path.name), escape(video.score.condition), f"at {r.span_s[1]:.1f} s"]
    return _card("bad", head, facts, r.last.plate, stories[0] if stories else None, video)


def _card(
    kind: str, head: str, facts: Sequence[str], answer: Verdict | None, story: Story | None, video: Evaluated
) -> str:
    picture = f"<img class=scene src='{_embedded(story.scene_jpeg)}' alt='scene'>" if story and story.scene_jpeg else ""
    body = _vote(answer) + (_looks(story) if story else _absent(video))
    line = "".join(f"<li>{f}" for f in facts)
    return (
        f"<article class={kind}><div class=head>{head}</div><ul class=facts>{line}</ul>"
        f"<div class=body>{picture}<div>{body}</div></div></article>"
    )


def _compared(text: str, plate: str, outcome: Outcome) -> str:
    """Return the answer beside the truth, with the characters that differ marked."""
    if not text or outcome in GOOD:
        return ""
    same = len(text) == len(plate)
    marked = "".join(
        f"<mark>{escape(c)}</mark>" if not same or c != plate[k] else escape(c) for k, c in enumerate(text)
    )
    return f"<span class=arrow>read as</span><span class=answer>{marked}</span>"


def _vote(answer: Verdict | None) -> str:
    if answer is None:
        return ""
    rows = "".join(
        f"<tr><td class=mono>{escape(text)}<td class=num>{100 * p:.2f}&thinsp;%"
        f"<td><span class=bar style='width:{max(1, round(120 * p))}px'></span>"
        for text, p in answer.alternatives
    )
    region = f", format of {escape(answer.region)}" if answer.region else ""
    return f"<h4>Vote of {answer.reads} looks{region}</h4><table class=votes>{rows}</table>"


def _looks(story: Story) -> str:
    weights = {w.read.sequence: w for w in story.weights()}
    chosen = sorted(story.looks, key=lambda s: -(weights[s.read.sequence].weight if s.read.sequence in weights else 0))
    shown = sorted(chosen[:LOOKS_SHOWN], key=lambda s: s.read.sequence)
    cells = "".join(_look(s, weights.get(s.read.sequence)) for s in shown)
    more = f" (the {len(shown)} that counted most)" if len(shown) < len(story.looks) else ""
    return f"<h4>{len(story.looks)} looks{more}</h4><div class=looks>{cells}</div>"


def _look(seen: Seen, weight: LookWeight | None) -> str:
    r = seen.read
    said = weight.verdict.value if weight else "not kept"
    note = escape(weight.reason) if weight else ""
    counted = f"{weight.weight:.2f}" if weight else "0"
    told = f"{r.height_px:.0f} px, weight {counted}, {escape(said)}"
    return (
        f"<figure title='{note}'><img src='{_embedded(seen.crop_jpeg)}' alt='look'>"
        f"<figcaption><b class=mono>{escape(r.text or '?')}</b><span>{told}</span></figcaption></figure>"
    )


def _absent(video: Evaluated) -> str:
    reasons = ", ".join(f"{escape(k.replace('_', ' '))}: {n}" for k, n in sorted(video.watched.losses.items()))
    return f"<p class=none>No plate was followed here. Seen but not read in this video: {reasons or 'nothing'}.</p>"


def _story(video: Evaluated, p: PassageScore) -> Story | None:
    """Return the plate behind the answer; for a missed passage the best one seen while it was in view."""
    if p.reported is not None:
        stories = video.watched.stories_of(p.reported.passage_id)
        return stories[0] if stories else None
    if p.outcome is Outcome.QUIET:
        return None
    told = {i for ids in video.watched.tracks_of.values() for i in ids}
    silent = [s for s in video.watched.stories.values() if s.track_id not in told]
    read = [s for s in silent if s.verdict_text and edit_distance(s.verdict_text, p.passage.plate) <= SAME_PLATE]
    if read:
        return max(read, key=lambda s: s.best_value)
    start, end = p.passage.from_s, p.passage.to_s
    near = [s for s in silent if start is not None and end is not None and s.last_s >= start and s.first_s <= end]
    return max(near, key=lambda s: s.best_value, default=None)


def _embedded(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
