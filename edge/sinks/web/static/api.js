// Talks to the daemon: JSON in and out, the session's token with every change, refusals as errors that say what to do.
const AGAIN_MS = 4000;
let csrf = "";

export class Refused extends Error {
  constructor(status, problem, fix, content = null) {
    super(fix ? `${problem}: ${fix}` : problem);
    this.status = status;
    this.content = content; // the whole answer, where it says more
  }
}

export function remember(me) {
  csrf = me.csrf;
}

export async function api(path, { method = "GET", json, body } = {}) {
  const headers = {};
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (json !== undefined) headers["Content-Type"] = "application/json";
  else if (body !== undefined) headers["Content-Type"] = "application/octet-stream";
  let answer;
  try {
    answer = await fetch(`/api/${path}`, { method, headers, body: json === undefined ? body : JSON.stringify(json) });
  } catch {
    throw new Refused(0, "The gate computer does not answer", "check the network, then reload");
  }
  if (answer.status === 204) return null;
  const content = await answer.json().catch(() => ({ problem: `unexpected answer ${answer.status}`, fix: "reload the page" }));
  if (answer.ok) return content;
  if (answer.status === 401 && !path.startsWith("login")) window.dispatchEvent(new Event("logged-out"));
  throw new Refused(answer.status, content.problem, content.fix, content);
}

// One stream of server-sent events for the page that is open; closing it costs the gate nothing more.
export function watch(cameras, handlers) {
  const query = cameras.map((c) => `camera=${encodeURIComponent(c)}`).join("&");
  let source;
  let again;
  function open() {
    source = new EventSource(`/api/live${query ? `?${query}` : ""}`);
    for (const [kind, handle] of Object.entries(handlers)) {
      if (kind !== "lost") source.addEventListener(kind, (message) => handle(JSON.parse(message.data)));
    }
    source.addEventListener("error", () => {
      handlers.lost?.();
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      api("me").catch(() => {}); // refused: the log-in may be over, which this finds out
      again = setTimeout(open, AGAIN_MS);
    });
  }
  open();
  return () => {
    clearTimeout(again);
    source.close();
  };
}
