// Why a plate was read as it was: every look at it, what it said, and how much it counted.
import { api } from "./api.js";
import { bar, h } from "./dom.js";

const VERDICTS = { counted: "", too_small: "too small", blurred: "blurred", cut: "cut off", illegible: "illegible", contradicts: "disagrees", discarded: "better ones kept" };

export function explanation(event) {
  const out = h("div", { "aria-live": "polite" });
  const button = h("button", { type: "button", class: "quiet" }, event.plate ? "Why this answer?" : "Why was it not read?");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      out.replaceChildren(...shown(await api(`events/${event.event_id}/explain`)));
      button.remove();
    } catch (error) {
      out.replaceChildren(h("p", { class: "soft" }, error.message));
      button.disabled = false;
    }
  });
  return h("section", { class: "explained", "aria-label": "Explanation" }, button, out);
}

function shown(account) {
  const read = account.looks.length;
  const story = `The plate was found in ${account.detections} pictures, up to ${Math.round(account.best_height_px)} px high. ${read ? `${read} looks had a vote or were set aside:` : "No look was read."}`;
  return [h("h3", {}, "Why"), account.reason ? h("p", { class: "problem" }, sentence(account.reason)) : null, h("p", { class: "soft" }, story), read ? table(account.looks) : null].filter(Boolean);
}

function table(looks) {
  const most = Math.max(...looks.map((l) => l.weight), 1e-9);
  const titles = ["Second", "Size", "Sharp", "Said", "Votes", ""];
  const head = h("tr", {}, titles.map((t, k) => h("th", { scope: "col", class: k < 3 ? "number" : "" }, t || h("span", { class: "away" }, "Remark"))));
  const rows = looks.map((look) =>
    h(
      "tr",
      {},
      h("td", { class: "number" }, look.at_s.toFixed(1)),
      h("td", { class: "number" }, `${Math.round(look.width_px)} × ${Math.round(look.height_px)}`),
      h("td", { class: "number" }, look.sharpness.toFixed(2)),
      h("td", {}, said(look)),
      h("td", {}, bar(look.weight / most, "soft", `${look.weight.toFixed(2)} votes`)),
      h("td", { class: "soft", title: look.reason }, VERDICTS[look.verdict] ?? look.verdict),
    ),
  );
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Looks at the plate" }, h("table", { class: "plain looks" }, h("thead", {}, head), h("tbody", {}, rows)));
}

// Each character as sure as it is; the doubtful ones tell their probability.
function said(look) {
  if (!look.characters.length) return h("span", { class: "soft" }, "nothing");
  return h(
    "span",
    { class: "said", translate: "no" },
    look.characters.map(([c, p]) => h("span", p >= 0.9 ? {} : { class: p >= 0.5 ? "warn" : "bad", title: `${c}: ${Math.floor(100 * p)} %` }, c)),
  );
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}
