"""Who is at the page: passwords, sessions, and a brake on guessing.

Passwords are kept as argon2id hashes and sessions as hashes of random tokens,
in memory only. Pure logic on a clock that is passed in; HTTP is in `guard`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from edge.clock import Clock
from edge.config.web import Role, UserSettings

ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")  # each may do what the ones before it may
MIN_PASSWORD_LENGTH = 10
MAX_PASSWORD_LENGTH = 1000  # hashing a megabyte is work that a stranger could order
SESSIONS_KEPT = 1000
ADDRESSES_KEPT = 10_000

# RFC 9106 parameters scaled down as OWASP's password storage cheat sheet advises: 19 MiB, two passes.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is logged in."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Tell whether this person may do what `role` may."""
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in: `csrf` must come back in a header with everything that changes something."""

    person: Person
    csrf: str
    expires_s: float


def hash_password(password: str) -> str:
    """Return the argon2id hash for the settings.

    Raises:
        ValueError: the password is too short or too long.
    """
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise ValueError(f"a password needs {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters")
    return _HASHER.hash(password)


class Users:
    """Checks names and passwords, one at a time: a hash costs 19 MB and 20 ms."""

    def __init__(self, users: Sequence[UserSettings]) -> None:
        self._users = {u.name: u for u in users}
        self._lock = threading.Lock()
        self._nobody = _HASHER.hash(secrets.token_hex())  # an unknown name takes as long as a wrong password

    def check(self, name: str, password: str) -> Person | None:
        """Return the person, or None when name or password is wrong; the caller cannot tell which."""
        user = self._users.get(name)
        expected = user.password_hash.get_secret_value() if user else self._nobody
        with self._lock:
            try:
                _HASHER.verify(expected, password[:MAX_PASSWORD_LENGTH])
            except (VerificationError, InvalidHashError):
                return None
        return Person(user.name, user.role) if user else None


class Sessions:
    """Open log-ins. Lost at a restart: people log in again."""

    def __init__(self, clock: Clock, hours: float) -> None:
        self._clock = clock
        self._seconds = hours * 3600
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Session] = OrderedDict()

    def open(self, person: Person) -> tuple[str, Session]:
        """Return a new token, for the cookie, and its session."""
        token = secrets.token_urlsafe(32)
        session = Session(person, secrets.token_urlsafe(32), self._clock.monotonic_s() + self._seconds)
        with self._lock:
            self._open[_digest(token)] = session
            while len(self._open) > SESSIONS_KEPT:
                self._open.popitem(last=False)
        return token, session

    def find(self, token: str) -> Session | None:
        """Return the session of `token` while it lasts."""
        with self._lock:
            session = self._open.get(_digest(token))
            if session is not None and session.expires_s <= self._clock.monotonic_s():
                del self._open[_digest(token)]
                return None
        return session

    def close(self, token: str) -> None:
        """Log out; unknown tokens are no fault."""
        with self._lock:
            self._open.pop(_digest(token), None)


class Brake:
    """Lets `burst` attempts per key through, then one every `every_s` seconds."""

    def __init__(self, clock: Clock, burst: int, every_s: float) -> None:
        self._clock = clock
        self._burst = burst
        self._every_s = every_s
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key -> attempts left, when

    def wait_s(self, key: str) -> float:
        """Use up one attempt and return 0, or return how long to wait for the next one."""
        now = self._clock.monotonic_s()
        with self._lock:
            left, at = self._left.pop(key, (float(self._burst), now))
            left = min(self._burst, left + (now - at) / self._every_s)
            allowed = left >= 1.0
            self._left[key] = (left - allowed, now)
            while len(self._left) > ADDRESSES_KEPT:
                self._left.popitem(last=False)
        return 0.0 if allowed else (1.0 - left) * self._every_s

    def release(self, key: str) -> None:
        """Forget the attempts of `key`: it was the right person."""
        with self._lock:
            self._left.pop(key, None)


def same(a: str, b: str) -> bool:
    """Compare two secrets without telling by time where they differ."""
    return hmac.compare_digest(a.encode(), b.encode())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
