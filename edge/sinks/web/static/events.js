// Events: search forgiving one misread, newest first, export, details.
import { api } from "./api.js";
import { h, toast } from "./dom.js";
import { details } from "./details.js";
import { car } from "./live.js";

export function eventsPage(main, me, handlers) {
  const field = (name, label, attributes) => h("label", { for: `f-${name}` }, label, h("input", { id: `f-${name}`, name, ...attributes }));
  const lanes = h("label", { for: "f-lane" }, "Lane", h("select", { id: "f-lane", name: "lane" }, h("option", { value: "" }, "All lanes")));
  const form = h(
    "form",
    { class: "card search", role: "search", "aria-label": "Search events" },
    field("plate", "Plate", { maxlength: "20", class: "plate-input", placeholder: "AB12CDE", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", "aria-describedby": "hint" }),
    h("button", { type: "button", class: "quiet narrow-only", "aria-expanded": "false", "aria-controls": "filters", onclick: (event) => unfold(event.currentTarget) }, "Lane and time"),
    h("div", { id: "filters", class: "filters" }, lanes, field("since", "From", { type: "datetime-local" }), field("until", "Until", { type: "datetime-local" })),
    h("div", { class: "row" }, h("button", { type: "submit", class: "main" }, "Search"), h("button", { type: "reset", class: "quiet" }, "Clear")),
    h("p", { class: "soft hint", id: "hint" }, "One misread character is forgiven. Part of a plate is enough."),
  );
  function unfold(button) {
    const open = form.classList.toggle("unfolded");
    button.setAttribute("aria-expanded", String(open));
  }
  const count = h("p", { class: "soft", role: "status" });
  const csv = h("a", { class: "button quiet", download: "events.csv" }, "CSV");
  const json = h("a", { class: "button quiet", download: "events.json" }, "JSON");
  const list = h("ol", { class: "cars wide", "aria-label": "Events, newest first" }, h("li", { class: "empty" }, "Loading …"));
  const more = h("button", { type: "button", hidden: true }, "Older events");
  main.append(form, h("div", { class: "row spread" }, count, h("div", { class: "row", "aria-label": "Export" }, h("span", { class: "soft" }, "Export"), csv, json)), list, more);

  let cursor = null;
  function query() {
    const parameters = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (value) parameters.set(name, name === "since" || name === "until" ? new Date(value).toISOString() : value);
    }
    return parameters;
  }
  async function load(append) {
    const parameters = query();
    csv.href = `/api/export?form=csv&${parameters}`;
    json.href = `/api/export?form=json&${parameters}`;
    if (append && cursor) parameters.set("before", cursor);
    try {
      const page = await api(`events?${parameters}`);
      if (!append) list.replaceChildren();
      list.append(...page.events.map(entry));
      cursor = page.next;
      more.hidden = !cursor;
      count.textContent = list.children.length ? `${list.children.length}${cursor ? "+" : ""} ${list.children.length > 1 ? "passages" : "passage"}` : "";
      if (!list.children.length) list.append(h("li", { class: "empty" }, query().size ? "Nothing fits. Try fewer characters or a longer time." : "No car has passed yet."));
    } catch (error) {
      if (append) toast(error.message, "bad");
      else list.replaceChildren(h("li", { class: "empty problem" }, error.message));
    }
  }
  function entry(event) {
    const item = car(event, me);
    const fresh = item.firstChild.cloneNode(true);
    fresh.addEventListener("click", () => details(event, me, (changed) => item.replaceWith(entry(changed))));
    item.replaceChildren(fresh);
    return item;
  }
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    load(false);
  });
  form.addEventListener("reset", () => setTimeout(() => load(false)));
  more.addEventListener("click", () => load(true));
  handlers.event = () => query().size || load(false);
  api("cameras").then((cameras) => {
    const names = [...new Set(cameras.map((c) => c.lane))];
    lanes.querySelector("select").append(...names.map((n) => h("option", { value: n }, n)));
  }, () => {});
  load(false);
}
