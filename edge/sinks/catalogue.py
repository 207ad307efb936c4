"""The catalogue of metrics: name, kind, labels, what it means, what to do about it.

docs/monitoring.md prints this list and a test compares the two. The values of
a label are either names from the settings or one of the fixed sets below.
"""

from __future__ import annotations

from edge.protocols import SourceState
from edge.sinks.catalogue_access import ACCESS
from edge.sinks.metric import Metric
from edge.types import Direction, EventType

FRAME_LOSSES = ("newest_wins", "rate_limit", "decode_error", "inference_error", "stopping")
PLATE_LOSSES = (
    "implausible",
    "outside_region",
    "too_small",
    "blurred",
    "cut",
    "surplus",
    "illegible",
    "inference_error",
)
VEHICLE_OUTCOMES = ("voted", "unsure", "no_quorum", "never_read", "parked", "same_vehicle", "phantom")
PASSAGES = VEHICLE_OUTCOMES[:4]  # those that a vehicle really passed with
EVENT_LOSSES = ("rejected", "too_old", "outbox_full")
PUBLISH_FAILURES = ("unreachable", "timeout", "refused", "not_authorised", "throttled")
STAGES = ("decode", "motion", "detect", "track", "read", "vote", "gate", "store", "step")
LOGIN_OUTCOMES = ("accepted", "wrong", "throttled")
STATES = tuple(s.value for s in SourceState)
TYPES = tuple(t.value for t in EventType)
DIRECTIONS = tuple(d.value for d in Direction)


FRAMES_RECEIVED = Metric(
    "anpr_frames_received_total",
    "counter",
    ("camera",),
    "Pictures decoded from the camera.",
    "Flat while the camera is up: see anpr_camera_state and the camera's own page.",
)
FRAMES_DROPPED = Metric(
    "anpr_frames_dropped_total",
    "counter",
    ("camera", "reason"),
    "Pictures that were not analysed: newest_wins (vision was busy), rate_limit (above max_fps), decode_error, "
    "inference_error, stopping.",
    "newest_wins above a fifth: lower max_fps or the picture size, draw a region, or use an accelerator. "
    "decode_error: bad network or cable.",
    {"reason": FRAME_LOSSES},
)
FRAMES_GATED = Metric(
    "anpr_frames_gated_total",
    "counter",
    ("camera",),
    "Pictures in which nothing moved, so that the detector was spared.",
    "Nearly none on an empty lane: trees or a road move in the region; draw it tighter or lower motion.sensitivity.",
)
FRAMES_DETECTED = Metric(
    "anpr_frames_detected_total",
    "counter",
    ("camera",),
    "Pictures that the plate detector looked at.",
    "None while cars pass: motion.sensitivity is too low or the region misses the lane.",
)
PLATES_DETECTED = Metric(
    "anpr_plates_detected_total",
    "counter",
    ("camera",),
    "Plates found in pictures (one car is found many times).",
    "None while cars pass: aim the camera (page Aim), look at exposure at night.",
)
PLATES_LOST = Metric(
    "anpr_plates_lost_total",
    "counter",
    ("camera", "reason"),
    "Plates found but not read: implausible (no plate is so), outside_region, too_small, blurred, cut (at the "
    "picture's edge), surplus (better looks exist), illegible, inference_error.",
    "too_small: zoom in. blurred: shorter exposure, more light, focus. cut: aim. surplus is normal.",
    {"reason": PLATE_LOSSES},
)
PLATES_LEGIBLE = Metric(
    "anpr_plates_legible_total",
    "counter",
    ("camera",),
    "Plates large, sharp and whole enough to be read.",
    "Low share of the plates detected: anpr_plates_lost_total tells why.",
)
PLATES_READ = Metric(
    "anpr_plates_read_total",
    "counter",
    ("camera",),
    "Looks that had a say in a vote.",
    "Low share of the legible ones: dirty or foreign plates, glare; look at the crops on the page Events.",
)
VEHICLES = Metric(
    "anpr_vehicles_total",
    "counter",
    ("camera", "outcome"),
    "Vehicles whose passage ended: voted (plate published), unsure, no_quorum, never_read (three kinds of "
    "passage.unread), parked, same_vehicle (seen again: no second event), phantom (not a plate after all).",
    "unsure rises: camera health. no_quorum: cars pass too fast for the frame rate. never_read: light or angle.",
    {"outcome": VEHICLE_OUTCOMES},
)
EXPECTED_CORRECT = Metric(
    "anpr_expected_correct_total",
    "counter",
    ("camera",),
    "Sum of the calibrated probabilities of all plates published as final: how many of them are expected to be right.",
    "Divided by the vehicles with a passage it is the read rate; a drop against last week means the camera changed.",
)
EVENTS = Metric(
    "anpr_events_total",
    "counter",
    ("lane", "type", "direction"),
    "Events committed to the outbox.",
    "direction unknown rises: draw the virtual line (page Aim).",
    {"type": TYPES, "direction": DIRECTIONS},
)
EVENTS_PUBLISHED = Metric(
    "anpr_events_published_total",
    "counter",
    ("sink",),
    "Events handed to the network, redeliveries included.",
    "Far above the acknowledged ones: the broker does not answer; see anpr_publish_failed_total.",
)
EVENTS_ACKNOWLEDGED = Metric(
    "anpr_events_acknowledged_total",
    "counter",
    ("sink",),
    "Events that the other side confirmed.",
    "Flat while anpr_outbox_events grows: delivery is down; nothing is lost, see anpr_sink_up.",
)
EVENTS_LOST = Metric(
    "anpr_events_lost_total",
    "counter",
    ("sink", "reason"),
    "Events that a sink will never get: rejected (dead letter), too_old or outbox_full (beyond the outbox' limits).",
    "rejected: `anpr-edge outbox list` shows why, `outbox retry` sends again. The others: restore delivery, raise the "
    "limits.",
    {"reason": EVENT_LOSSES},
)
PUBLISH_FAILED = Metric(
    "anpr_publish_failed_total",
    "counter",
    ("sink", "reason"),
    "Attempts to publish that failed and are repeated: unreachable, timeout, refused, not_authorised, throttled.",
    "not_authorised: certificate or policy. unreachable: network, DNS, firewall.",
    {"reason": PUBLISH_FAILURES},
)
STAGE_SECONDS = Metric(
    "anpr_stage_seconds",
    "histogram",
    ("camera", "stage"),
    "Time one stage took for one picture; step is all of vision together.",
    "step above 1 / max_fps: pictures are dropped; the stage that grew tells where.",
    {"stage": STAGES},
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
)
DECISION_SECONDS = Metric(
    "anpr_decision_seconds",
    "histogram",
    ("lane",),
    "From the first legible look at a vehicle to its provisional event in the outbox.",
    "Above half a second: frame rate too low, or looks disagree (blur, glare).",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 2.0, 5.0, 10.0),
)
DELIVERY_SECONDS = Metric(
    "anpr_delivery_seconds",
    "histogram",
    ("sink",),
    "From the outbox to the other side's acknowledgement.",
    "Seconds instead of milliseconds: slow network, or catching up after it was away.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0, 3600.0, 86_400.0),
)
PLATE_HEIGHT = Metric(
    "anpr_plate_height_pixels",
    "histogram",
    ("camera",),
    "Height of legible plates in the full picture.",
    "The median fell: the camera moved or was zoomed out.",
    buckets=(8, 10, 12, 15, 20, 25, 30, 40, 60, 90, 140),
)
PLATE_SHARPNESS = Metric(
    "anpr_plate_sharpness",
    "histogram",
    ("camera",),
    "Sharpness of legible plates: squared gradient over variance, about 0.05 (soft) to 0.6 (crisp).",
    "The median fell: clean the lens, check focus, shorten the exposure.",
    buckets=(0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0),
)
READ_PROBABILITY = Metric(
    "anpr_read_probability",
    "histogram",
    ("camera",),
    "Calibrated probability of the plates published as final.",
    "Mass moves down: doubtful reads; look at the crops on the page Events.",
    buckets=(0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0),
)
PROVIDER_FALLBACKS = Metric(
    "anpr_provider_fallbacks_total",
    "counter",
    ("model",),
    "A model runs somewhere slower than the settings ask for (model: detector or recogniser).",
    "Driver, CUDA or TensorRT installation; set models.strict_provider to refuse instead.",
)
WEB_LOGINS = Metric(
    "anpr_web_logins_total",
    "counter",
    ("outcome",),
    "Attempts to log in to the web page: accepted, wrong, throttled.",
    "wrong or throttled in numbers: somebody is guessing; restrict the address or the network.",
    {"outcome": LOGIN_OUTCOMES},
)

BUILD = Metric("anpr_build_info", "info", ("version", "site"), "Which program and site this is; always 1.", "None.")
CAMERA_LANE = Metric(
    "anpr_camera_lane", "gauge", ("camera", "lane"), "Which lane a camera watches; always 1, for joins.", "None."
)
CAMERA_STATE = Metric(
    "anpr_camera_state",
    "gauge",
    ("camera", "state"),
    "1 for the state the camera is in: connecting, up, stalled, frozen, down.",
    "Not up: power, cable, address, password; `anpr-edge probe URL` tells which.",
    {"state": STATES},
)
CAMERA_RECONNECTS = Metric(
    "anpr_camera_reconnects",
    "gauge",
    ("camera",),
    "How often the camera came back since the start (changes tell, not the number).",
    "More than a few an hour: network or the camera's power supply.",
)
CAMERA_FPS = Metric(
    "anpr_camera_frames_per_second",
    "gauge",
    ("camera",),
    "Pictures a second that arrive, over the last two seconds.",
    "Below what the camera is set to: network, or its exposure time at night.",
)
FRAME_AGE = Metric(
    "anpr_frame_age_seconds",
    "gauge",
    ("camera",),
    "Age of the newest picture; since the start if there was none.",
    "Grows: the camera is away; above one second while up: network delay.",
)
HEARTBEAT_AGE = Metric(
    "anpr_heartbeat_age_seconds",
    "gauge",
    ("thread",),
    "How long ago a thread last reported to be alive.",
    "Above ten seconds the service manager's watchdog restarts the daemon; save the log and report it.",
)
MODEL_READY = Metric(
    "anpr_model_ready",
    "gauge",
    ("role", "model", "provider"),
    "1 while a model is loaded; provider tells where it runs.",
    "0: `anpr-edge models verify`. Provider not the one wanted: see anpr_provider_fallbacks_total.",
)
OUTBOX_DEPTH = Metric(
    "anpr_outbox_events",
    "gauge",
    (),
    "Events not yet acknowledged by every sink.",
    "Grows: delivery is down; nothing is lost up to outbox.max_mb.",
)
OUTBOX_OLDEST = Metric(
    "anpr_outbox_oldest_seconds",
    "gauge",
    (),
    "Age of the oldest event not yet acknowledged.",
    "Minutes: restore delivery; see anpr_sink_up.",
)
OUTBOX_DEAD = Metric(
    "anpr_outbox_dead_letters",
    "gauge",
    (),
    "Events set aside because the other side refused them.",
    "Above 0: `anpr-edge outbox list`, correct the cause, `anpr-edge outbox retry`.",
)
OUTBOX_SIZE = Metric(
    "anpr_outbox_bytes", "gauge", (), "Size of the outbox on disk.", "Near outbox.max_mb: restore delivery."
)
OUTBOX_WRITABLE = Metric(
    "anpr_outbox_writable",
    "gauge",
    (),
    "1 while events can be stored.",
    "0: the disk is full or read-only; the gate reads but cannot promise anything. Act at once.",
)
SINK_UP = Metric(
    "anpr_sink_up",
    "gauge",
    ("sink",),
    "1 while the sink is connected.",
    "0: network, broker, certificate; /readyz gives the reason.",
)
SINK_CONNECTIONS = Metric(
    "anpr_sink_connections",
    "gauge",
    ("sink",),
    "How often the sink connected since the start (changes tell).",
    "Many an hour: unstable network, or two clients with one client id.",
)
SINK_PENDING = Metric(
    "anpr_sink_pending_events",
    "gauge",
    ("sink",),
    "Events that this sink has not acknowledged.",
    "Grows for one sink only: that one is slow or refuses.",
)
CERTIFICATE_DAYS = Metric(
    "anpr_certificate_days",
    "gauge",
    ("sink",),
    "Days until the client certificate expires.",
    "Below 30: rotate it.",
)
DISK_FREE = Metric(
    "anpr_disk_free_bytes",
    "gauge",
    ("volume",),
    "Free space where the outbox or the evidence pictures are.",
    "Below a tenth: remove other data; evidence goes before events.",
)
DISK_TOTAL = Metric("anpr_disk_total_bytes", "gauge", ("volume",), "Size of that file system.", "None.")

ZONE_CARS = Metric(
    "anpr_zone_cars",
    "gauge",
    ("zone",),
    "Cars inside a zone of the car park.",
    "Differs from what you see: count, then anpr-edge occupancy reset.",
)
ZONE_FREE = Metric("anpr_zone_free_spaces", "gauge", ("zone",), "Free spaces; only of zones with a capacity.", "None.")
ZONE_ALARM = Metric(
    "anpr_zone_count_doubtful",
    "gauge",
    ("zone",),
    "1 while a zone's count cannot be right, or ins and outs part from the stays.",
    "Count, then anpr-edge occupancy reset; then look for the lane that misses cars.",
)
STAYS_OPEN = Metric(
    "anpr_stays_open", "gauge", (), "Stays that are not over.", "Grows from day to day: an exit misses cars."
)
STAYS_LONG = Metric(
    "anpr_stays_overdue",
    "gauge",
    (),
    "Open stays longer than parking.overstay_h.",
    "Look at them on the page Site; close those whose exit was missed.",
)
EXITS_UNMATCHED = Metric(
    "anpr_exits_unmatched",
    "gauge",
    (),
    "Exits that belong to no stay, of the days that are kept.",
    "More than one in a hundred: an entry misses or misreads cars.",
)

_HERE = tuple(m for m in list(globals().values()) if isinstance(m, Metric))
CATALOGUE: tuple[Metric, ...] = (*_HERE, *ACCESS)
COUNTED = tuple(m for m in CATALOGUE if m.kind in ("counter", "histogram"))  # where it happens
