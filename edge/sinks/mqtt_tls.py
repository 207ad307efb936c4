"""TLS of the MQTT connection: files to a context, and the plain reason when a file is wrong.

The files are read again for every connection, so a renewed certificate needs
no restart. Never relaxes a check.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cryptography import x509

from edge.config.delivery import MqttSettings, MqttTlsSettings
from edge.errors import ConfigError, Problem

AWS_ALPN = "x-amzn-mqtt-ca"  # lets AWS IoT Core speak MQTT with client certificates on port 443
OPEN_TO_OTHERS = 0o077


def context(settings: MqttSettings) -> ssl.SSLContext:
    """Return the client's TLS context, made from the files as they are now.

    Raises:
        ConfigError: a file is missing, unreadable, open to other users, or not what its name says.
    """
    problems = list(file_problems(settings.tls))
    if problems:
        raise ConfigError(problems=problems)
    tls = settings.tls
    made = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=None if tls.ca_file is None else str(tls.ca_file))
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate_file is not None and tls.key_file is not None:
        made.load_cert_chain(tls.certificate_file, tls.key_file)
    if tls.revoked_file is not None:
        made.load_verify_locations(cafile=str(tls.revoked_file))
        made.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    if settings.profile == "aws-iot" and settings.port == 443:
        made.set_alpn_protocols([AWS_ALPN])
    return made


def file_problems(tls: MqttTlsSettings) -> Iterator[Problem]:
    """Yield everything wrong with the files of `tls`; nothing when TLS is off."""
    if not tls.enabled:
        return
    named = (
        ("ca_file", tls.ca_file, b"CERTIFICATE"),
        ("certificate_file", tls.certificate_file, b"CERTIFICATE"),
        ("key_file", tls.key_file, b"PRIVATE KEY"),
        ("revoked_file", tls.revoked_file, b"X509 CRL"),
    )
    sound = True
    for name, path, kind in named:
        for problem in _file_problem(f"mqtt.tls.{name}", path, kind):
            sound = False
            yield problem
    if tls.key_file is not None and tls.key_file.exists() and tls.key_file.stat().st_mode & OPEN_TO_OTHERS:
        mode = tls.key_file.stat().st_mode & 0o777
        yield Problem(
            "mqtt.tls.key_file", f"{tls.key_file} can be read by others ({mode:o})", f"chmod 600 {tls.key_file}"
        )
    if sound and tls.certificate_file is not None and tls.key_file is not None:
        yield from _pair_problem(tls.certificate_file, tls.key_file)


def expiry(certificate_file: Path) -> datetime:
    """Return until when (aware UTC) the certificate in the PEM file is valid.

    Raises:
        ValueError: the file holds no certificate.
        OSError: the file cannot be read.
    """
    return x509.load_pem_x509_certificate(certificate_file.read_bytes()).not_valid_after_utc


def valid_from(certificate_file: Path) -> datetime:
    """Return from when on (aware UTC) the certificate in the PEM file is valid; errors as `expiry`."""
    return x509.load_pem_x509_certificate(certificate_file.read_bytes()).not_valid_before_utc


def fingerprint(tls: MqttTlsSettings) -> tuple[tuple[int, int, int], ...]:
    """Return something that changes when any of the files is replaced or rewritten."""
    paths = (tls.ca_file, tls.certificate_file, tls.key_file, tls.revoked_file)
    stats = [path.stat() for path in paths if path is not None and path.exists()]
    return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)


def _file_problem(at: str, path: Path | None, kind: bytes) -> Iterator[Problem]:
    if path is None:
        return
    try:
        content = path.read_bytes()
    except OSError as error:
        yield Problem(
            at, f"{path} cannot be read: {error.strerror}", "correct the path, or let this user read the file"
        )
        return
    if b"-----BEGIN " not in content or kind + b"-----" not in content:
        yield Problem(at, f"{path} holds no {kind.decode().lower()} in PEM form", "name the right file, in PEM form")


def _pair_problem(certificate: Path, key: Path) -> Iterator[Problem]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError, OSError) as error:
        reason = getattr(error, "reason", None) or str(error)
        yield Problem(
            "mqtt.tls.key_file",
            f"{key} does not open {certificate} ({reason})",
            "give the unencrypted key that was made together with this certificate",
        )


def _no_password() -> str:
    raise ValueError("the key is encrypted")
