"""The guard at the door of every request: host, origin, session, role, CSRF token.

Without users the page serves this machine only, so the host name must be a
local one (a web site that points its own name at 127.0.0.1 is refused). What
changes something needs the session's token in a header, which no other site
can send.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from fastapi import Request, Response

from edge.clock import Clock
from edge.config.web import Role, WebSettings
from edge.sinks.metrics import Metrics
from edge.sinks.web.auth import Brake, Person, Session, Sessions, Users, same
from edge.sinks.web.refusal import Refusal

COOKIE = "anpr_session"
CSRF_HEADER = "X-CSRF-Token"
SAFE = ("GET", "HEAD", "OPTIONS")
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
LOCAL_PERSON = Person("this machine", "admin")  # who sits at the gate computer, when nobody has to log in

ATTEMPTS, ATTEMPT_EVERY_S = 5, 30.0  # per address
NAME_ATTEMPTS, NAME_ATTEMPT_EVERY_S = 20, 30.0  # per name, from anywhere


class Guard:
    """Decides who may do what."""

    def __init__(self, settings: WebSettings, clock: Clock, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._users = Users(settings.users) if settings.users else None
        self._sessions = Sessions(clock, settings.session_hours)
        self._by_address = Brake(clock, ATTEMPTS, ATTEMPT_EVERY_S)
        self._by_name = Brake(clock, NAME_ATTEMPTS, NAME_ATTEMPT_EVERY_S)

    @property
    def needs_login(self) -> bool:
        """Tell whether people have to log in."""
        return self._users is not None

    def log_in(self, request: Request, response: Response, name: str, password: str) -> Session:
        """Open a session and set its cookie, or refuse."""
        if self._users is None:
            raise Refusal(409, "this page has no users", "log in is not needed on this machine")
        address = request.client.host if request.client else "unknown"
        wait_s = max(self._by_address.wait_s(address), self._by_name.wait_s(name))
        if wait_s > 0:
            self._metrics.web_login("throttled")
            raise Refusal(429, "too many attempts", f"wait {wait_s:.0f} s", retry_after_s=int(wait_s) + 1)
        person = self._users.check(name, password)
        if person is None:
            self._metrics.web_login("wrong")
            raise Refusal(401, "name or password is wrong", "try again; an administrator can set a new password")
        self._by_address.release(address)
        self._metrics.web_login("accepted")
        self.log_out(request, response)  # a session that was there before is not carried over
        return self._open(person, response)

    def log_out(self, request: Request, response: Response) -> None:
        """Close the session and take the cookie back."""
        self._sessions.close(request.cookies.get(COOKIE, ""))
        response.delete_cookie(COOKIE)

    def session(self, request: Request, response: Response) -> Session:
        """Return the caller's session; on a page without users one is opened when there is none."""
        found = self._sessions.find(request.cookies.get(COOKIE, ""))
        if found is not None:
            return found
        if self.needs_login:
            raise Refusal(401, "you are not logged in", "log in")
        return self._open(LOCAL_PERSON, response)

    def at_least(self, role: Role) -> Callable[[Request], Person]:
        """Return a dependency that lets people of `role` and above through."""

        def check(request: Request) -> Person:
            session = self._sessions.find(request.cookies.get(COOKIE, ""))
            if session is None and (self.needs_login or request.method not in SAFE):
                raise Refusal(401, "you are not logged in", "log in, or reload the page")
            if session is not None and request.method not in SAFE:
                self._check_token(request, session)
            person = session.person if session else LOCAL_PERSON
            if not person.may(role):
                raise Refusal(
                    403, f"this needs the role {role}, you are {person.role}", f"ask a colleague who is {role}"
                )
            return person

        return check

    def check_place(self, request: Request) -> None:
        """Refuse a request that was sent by another web site or under a strange host name."""
        host = request.headers.get("host", "")
        if not self.needs_login and _name(host) not in (*LOCAL_NAMES, *self._settings.names):
            raise Refusal(421, f"this page is not {host!r}", "use http://localhost or add the name to web.names")
        origin = request.headers.get("origin")
        if request.method not in SAFE and origin is not None and urlsplit(origin).netloc != host:
            raise Refusal(403, "another web site sent this", "use the page itself")

    def _check_token(self, request: Request, session: Session) -> None:
        if not same(request.headers.get(CSRF_HEADER, ""), session.csrf):
            raise Refusal(403, f"header {CSRF_HEADER} is missing or wrong", "reload the page")

    def _open(self, person: Person, response: Response) -> Session:
        token, session = self._sessions.open(person)
        response.set_cookie(
            COOKIE,
            token,
            max_age=int(self._settings.session_hours * 3600),
            httponly=True,
            samesite="strict",
            secure=self._settings.certificate is not None or self._settings.behind_proxy,
        )
        return session


def _name(host: str) -> str:
    """Return the host without its port; IPv6 in brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host
