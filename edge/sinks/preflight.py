"""What can be known about delivery before the first event: files, certificates, names, folders.

`anpr-edge check` prints the facts; the daemon refuses to start on a problem.
Sends nothing to any broker.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from edge.config.camera import CameraSettings
from edge.config.delivery import MqttSettings
from edge.config.settings import Settings
from edge.config.topics import check_template
from edge.errors import ConfigError, Problem
from edge.sinks.mqtt_tls import expiry, file_problems, valid_from

LOOPBACK = ("127.0.0.1", "::1", "localhost")
Resolve = Callable[[str, int], object]


def facts(settings: Settings, now: datetime, resolve: Resolve | None = socket.getaddrinfo) -> dict[str, str]:
    """Return what delivery will do, by name, for a person to confirm.

    Args:
        settings: validated.
        now: aware; certificates are compared with it.
        resolve: looks a host name up; None: names are not looked up (a daemon may start before its network).

    Raises:
        ConfigError: everything that cannot work, each with its fix.
    """
    problems = list(_problems(settings, now, resolve))
    if problems:
        raise ConfigError(problems=problems)
    found = {"outbox": str(settings.outbox.path)}
    if settings.mqtt.enabled:
        found |= _mqtt_facts(settings, now)
    if settings.webhook.enabled:
        found["webhook"] = "signed requests, one per event"
    return found


def _mqtt_facts(settings: Settings, now: datetime) -> dict[str, str]:
    mqtt = settings.mqtt
    client_id = mqtt.client_id_at(settings.site.name)
    kind = "TLS" if mqtt.tls.enabled else "not encrypted: anyone on that network can read the plates"
    if mqtt.host in LOOPBACK:
        kind = "this machine"
    found = {"mqtt": f"{mqtt.host}:{mqtt.port} ({kind}) as {client_id}"}
    for camera in settings.cameras:
        found[f"topic of {camera.name}"] = _topic(mqtt, settings.site.name, camera, client_id)
    if mqtt.tls.enabled and mqtt.tls.certificate_file is not None:
        left = expiry(mqtt.tls.certificate_file) - now
        found["mqtt certificate"] = f"valid for {left.days} more days"
    return found


def _topic(mqtt: MqttSettings, site: str, camera: CameraSettings, client_id: str) -> str:
    filled = {"site": site, "lane": camera.lane, "camera": camera.name, "client_id": client_id}
    return check_template(mqtt.topic).format(**filled, type="passage.final")


def _problems(settings: Settings, now: datetime, resolve: Resolve | None) -> Iterator[Problem]:
    yield from _folder_problem(settings.outbox.path)
    mqtt, webhook = settings.mqtt, settings.webhook
    if mqtt.enabled:
        broken = list(file_problems(mqtt.tls))
        yield from broken
        if not broken and mqtt.tls.enabled and mqtt.tls.certificate_file is not None:
            yield from _validity_problem(mqtt.tls.certificate_file, now)
        if resolve is not None:
            yield from _name_problem("mqtt.host", mqtt.host, mqtt.port, resolve)
    if webhook.enabled:
        yield from _authority_problem("webhook.ca_file", webhook.ca_file)


def _folder_problem(path: Path) -> Iterator[Problem]:
    folder = path.resolve().parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        yield Problem(
            "outbox.path", f"{folder} cannot be written", "choose another folder, or let this user write there"
        )


def _validity_problem(certificate: Path, now: datetime) -> Iterator[Problem]:
    if now >= (ends := expiry(certificate)):
        yield Problem(
            "mqtt.tls.certificate_file", f"{certificate} expired on {ends:%Y-%m-%d}", "renew it with your authority"
        )
    elif now < (starts := valid_from(certificate)):
        yield Problem(
            "mqtt.tls.certificate_file",
            f"{certificate} is valid only from {starts:%Y-%m-%d %H:%M} UTC on, and it is {now:%Y-%m-%d %H:%M} here",
            "set this machine's clock (timedatectl)",
        )


def _name_problem(at: str, host: str, port: int, resolve: Resolve) -> Iterator[Problem]:
    try:
        resolve(host, port)
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            yield Problem(at, f"there is no host {host!r}", "correct its spelling, or the name server of this machine")
    except UnicodeError:
        yield Problem(at, f"{host!r} is not a host name", "correct its spelling")


def _authority_problem(at: str, path: Path | None) -> Iterator[Problem]:
    if path is None:
        return
    try:
        ssl.create_default_context(cafile=str(path))
    except (OSError, ssl.SSLError) as error:
        yield Problem(at, f"{path} cannot be used: {error.strerror or error}", "name a PEM file with the authority")
