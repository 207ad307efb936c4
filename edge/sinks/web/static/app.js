// Starts the page: who is there, which part the address names, the header that always tells how the gate is.
import { api, remember, watch } from "./api.js";
import { h, icon } from "./dom.js";
import { aimPage } from "./aim.js";
import { eventsPage } from "./events.js";
import { livePage } from "./live.js";
import { loginPage } from "./login.js";
import { sitePage } from "./site.js";
import { tryPage } from "./trial.js";

const PAGES = {
  "/live": ["Live", livePage],
  "/events": ["Events", eventsPage],
  "/aim": ["Aim", aimPage],
  "/try": ["Try", tryPage],
  "/site": ["Site", sitePage],
};

const main = document.getElementById("main");
let me = null;
let leave = () => {};

function show(path, focus = true) {
  leave();
  const [title, page] = PAGES[path] ?? PAGES["/live"];
  document.title = `${title} · ${me.site}`;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.pathname === (PAGES[path] ? path : "/live")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const heading = h("h1", {}, title);
  main.replaceChildren(heading);
  main.className = title.toLowerCase();
  const handlers = {};
  const { cameras = [], close = () => {} } = page(main, me, handlers) ?? {};
  const start = (wanted) =>
    watch(wanted, {
      ...handlers,
      state: (state) => {
        header(state);
        handlers.state?.(state);
      },
      lost: () => {
        header(null);
        handlers.lost?.();
      },
    });
  let stop = start(cameras);
  handlers.watchOnly = (wanted) => {
    stop();
    stop = start(wanted);
  };
  leave = () => {
    stop();
    close();
  };
  if (focus) main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function header(state) {
  const health = document.getElementById("health");
  const count = state?.problems.length ?? 0;
  const [grade, text] = !state ? ["bad", "No connection"] : count ? ["warn", `${count} ${count > 1 ? "problems" : "problem"}`] : ["good", "Ready"];
  const label = state ? state.problems.map((p) => `${p.name}: ${p.reason}`).join("\n") || "Everything works" : "The gate computer does not answer";
  if (health.dataset.shown !== text + label) {
    health.dataset.shown = text + label;
    health.replaceChildren(icon(grade), text);
    health.className = `pill ${grade}`;
    health.title = label;
  }
}

async function begin() {
  leave();
  leave = () => {};
  try {
    me = await api("me");
  } catch (error) {
    document.getElementById("nav").hidden = true;
    for (const id of ["health", "who", "logout"]) document.getElementById(id).hidden = true;
    document.title = "Log in";
    main.className = "login";
    main.replaceChildren(error.status === 401 ? loginPage(begin) : h("p", { class: "empty" }, error.message));
    return;
  }
  remember(me);
  document.getElementById("site").textContent = me.site;
  document.getElementById("nav").hidden = false;
  document.getElementById("health").hidden = false;
  const who = document.getElementById("who");
  who.hidden = document.getElementById("logout").hidden = !me.needs_login;
  who.textContent = `${me.name} · ${me.role}`;
  document.querySelector('nav a[href="/try"]').hidden = !me.can.try || me.role === "viewer";
  show(location.pathname, false);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/']");
  if (!link || link.hasAttribute("download") || event.ctrlKey || event.metaKey || !(link.pathname in PAGES)) return;
  event.preventDefault();
  if (location.pathname + location.search !== link.pathname + link.search) history.pushState(null, "", link.href);
  show(link.pathname);
});
window.addEventListener("popstate", () => me && show(location.pathname));
window.addEventListener("logged-out", () => me && ((me = null), begin()));
document.getElementById("logout").addEventListener("click", async () => {
  await api("logout", { method: "POST" }).catch(() => {});
  me = null;
  begin();
});
begin();
