"""From settings to sinks: which there are, and what shares their connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from edge import health
from edge.board import Board
from edge.clock import Clock
from edge.config.settings import Settings
from edge.errors import ConfigError
from edge.protocols import Sink
from edge.sinks.aws.jobs import Jobs
from edge.sinks.aws.operations import operations
from edge.sinks.aws.shadow import Desired, Shadow
from edge.sinks.fit import Shrink
from edge.sinks.mqtt import Companion, MqttSink
from edge.sinks.tuning import Tuning
from edge.sinks.webhook import WebhookSink

UPDATE_STATE = "update.json"  # beside the outbox: remembers an update across the restart that it causes


@dataclass(frozen=True, slots=True)
class Delivery:
    """One sink and what its publish stage must know."""

    sink: Sink
    max_backoff_s: float
    certificate_expires: Callable[[], datetime | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Site:
    """What the sinks may look at and act on."""

    board: Board
    tuning: Tuning
    clock: Clock
    wake: Callable[[], None] = lambda: None  # makes the publish stages look up
    shrink: Shrink | None = None
    reload_lists: Callable[[], str] | None = None  # returns the version in force; None: this gate has no lists
    load_lists: Callable[[Mapping[str, Any]], str] | None = None  # puts lists sent from afar in force
    lists_version: Callable[[], str] | None = None  # that are in force
    model_hashes: Mapping[str, str] = field(default_factory=dict)  # role -> SHA-256
    companions: tuple[Companion, ...] = ()  # further ones that share the MQTT connection


def deliveries(settings: Settings, site: Site) -> list[Delivery]:
    """Return the sinks that the settings name.

    Raises:
        ConfigError: a file that a sink needs cannot be used.
    """
    found = []
    if settings.mqtt.enabled:
        sink = MqttSink(
            settings.mqtt,
            settings.site.name,
            clock=site.clock,
            shrink=site.shrink,
            picture_url=settings.evidence.url,
            wake=site.wake,
            companions=(*companions(settings, site), *site.companions),
        )
        found.append(Delivery(sink, settings.mqtt.max_backoff_s, sink.certificate_expires))
    if settings.webhook.enabled:
        found.append(Delivery(WebhookSink(settings.webhook, clock=site.clock), settings.webhook.max_backoff_s))
    return found


def companions(settings: Settings, site: Site) -> tuple[Companion, ...]:
    """Return what shares the MQTT connection: on AWS IoT Core the shadow and the jobs, as far as they are wanted."""
    mqtt = settings.mqtt
    if mqtt.profile != "aws-iot":
        return ()
    found: list[Companion] = []
    if mqtt.aws.shadow:
        found.append(Shadow(mqtt.client_id, lambda: observed(site), lambda desired: _apply(desired, site)))
    if mqtt.aws.jobs:
        state_file = Path(settings.outbox.path).parent / UPDATE_STATE
        found.append(
            Jobs(
                mqtt.client_id,
                operations(mqtt.aws, state_file, lambda: _reload(site), lambda order: _load(site, order)),
            )
        )
    return tuple(found)


def observed(site: Site) -> Mapping[str, Any]:
    """Return what the shadow reports: small, and without anything about vehicles."""
    now = site.board.snapshot()
    failed = [f"{check.name}: {check.reason}"[:120] for check in health.ready(now) if not check.ok]
    return {
        "version": now.version,
        "health": "ok" if not failed else "; ".join(failed)[:500],
        "cameras": {name: status.state.value for name, status in now.cameras.items()},
        "models": {
            role: {"name": model.name, "provider": model.provider, "sha256": site.model_hashes.get(role)}
            for role, model in now.models.items()
        },
        "thresholds": site.tuning.thresholds(),
        **({} if site.lists_version is None else {"lists_version": site.lists_version()}),
    }


def _apply(desired: Desired, site: Site) -> None:
    site.tuning.set_thresholds(desired.thresholds)
    if desired.lists_version is not None:
        loaded = _reload(site)
        if loaded != desired.lists_version:
            raise ConfigError(
                "lists_version", f"version {loaded} is what this gate finds", "bring the lists to the gate first"
            )


def _reload(site: Site) -> str:
    if site.reload_lists is None:
        raise _no_lists()
    return site.reload_lists()


def _load(site: Site, order: Mapping[str, Any]) -> str:
    if site.load_lists is None:
        raise _no_lists()
    return site.load_lists(order)


def _no_lists() -> ConfigError:
    return ConfigError("lists", "this gate has no lists", "set access.enabled in the settings of the gate")
