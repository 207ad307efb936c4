// Lists: who may pass, who may not, whom to watch for. Search, one entry in or out; administrators whole files.
import { api } from "./api.js";
import { h, plate, toast } from "./dom.js";

const KINDS = { allow: ["good", "may pass"], deny: ["bad", "refused"], watch: ["warn", "watched"] };
const HINTS = { holder: "", valid_from: "2026-01-01", valid_to: "2026-12-31", weekdays: "mon-fri", hours: "06:00-22:00", lanes: "front back", note: "" };
const LABELS = { holder: "Holder", valid_from: "Valid from", valid_to: "Valid to", weekdays: "Weekdays", hours: "Hours", lanes: "Lanes", note: "Note" };
const PAGE = 50;

export function listsPanel(me) {
  let skip = 0;
  let asked = 0;
  const summary = h("p", { class: "soft", role: "status" });
  const rows = h("tbody", {});
  const earlier = h("button", { type: "button", class: "quiet", onclick: () => turn(-PAGE) }, "Before");
  const later = h("button", { type: "button", class: "quiet", onclick: () => turn(PAGE) }, "Next");
  const search = h("input", { type: "search", id: "list-search", autocomplete: "off", placeholder: "Plate, holder or note", oninput: () => ((skip = 0), load()) });
  const problems = h("div", { class: "list-problems", role: "alert" });
  const panel = h(
    "section",
    { class: "card lists", "aria-labelledby": "lists-title" },
    h("h2", { id: "lists-title" }, "Lists"),
    summary,
    h("label", { for: "list-search" }, "Search", search),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Listed plates" }, h("table", { class: "plain" }, h("thead", {}, h("tr", {}, ["Plate", "List", "Holder", "Valid", "Note", ""].map((t) => h("th", { scope: "col" }, t || h("span", { class: "away" }, "Remove"))))), rows)),
    h("div", { class: "row" }, earlier, later),
    adding(load),
    me.can.import ? files(problems, load) : null,
    problems,
  );

  function turn(by) {
    skip = Math.max(0, skip + by);
    load();
  }

  async function load() {
    const mine = (asked += 1);
    try {
      const page = await api(`lists?${new URLSearchParams({ text: search.value, skip })}`);
      if (mine !== asked) return; // a newer search is on its way
      const { allow, deny, watch } = page.counts;
      summary.textContent = page.version ? `${allow.toLocaleString()} may pass, ${deny.toLocaleString()} refused, ${watch.toLocaleString()} watched. Version ${page.version.slice(0, 12)}${page.number === null ? "" : `, edition ${page.number}`}.` : "There are no lists yet.";
      rows.replaceChildren(...page.entries.map((e) => row(e, load)));
      if (!page.entries.length) rows.append(h("tr", {}, h("td", { colspan: "6", class: "soft" }, "Nothing fits.")));
      earlier.hidden = skip === 0;
      later.hidden = skip + PAGE >= page.found;
    } catch (error) {
      summary.textContent = error.message;
    }
  }
  load();
  return panel;
}

function row(entry, changed) {
  const [grade, meaning] = KINDS[entry.list];
  const days = [entry.valid_from, entry.valid_to].map((m) => m.slice(0, 10));
  const valid = [days.some(Boolean) ? days.join(" to ") : "", entry.weekdays, entry.hours, entry.lanes].filter(Boolean).join(", ");
  async function remove(event) {
    const button = event.currentTarget;
    if (button.dataset.sure !== "yes") {
      button.dataset.sure = "yes";
      button.textContent = "Really?";
      return;
    }
    try {
      await api(`lists/entries/${entry.list}/${encodeURIComponent(entry.plate)}`, { method: "DELETE" });
      toast(`${entry.plate} is off the list`);
      changed();
    } catch (error) {
      toast(error.message, "bad");
    }
  }
  const button = h("button", { type: "button", class: "quiet", "aria-label": `Remove ${entry.plate} from the list`, onclick: remove }, "Remove");
  return h("tr", {}, h("td", {}, plate(entry.plate)), h("td", { class: grade }, meaning), h("td", {}, entry.holder), h("td", {}, valid), h("td", {}, entry.note), h("td", {}, button));
}

function adding(changed) {
  const field = (name) => h("label", { for: `list-${name}` }, LABELS[name], h("input", { id: `list-${name}`, name, maxlength: "200", placeholder: HINTS[name], autocomplete: "off" }));
  const form = h(
    "form",
    { class: "list-form", "aria-label": "Add a plate", onsubmit: add },
    h("label", { for: "list-plate" }, "Plate", h("input", { id: "list-plate", name: "plate", required: true, maxlength: "20", class: "plate-input", autocomplete: "off", autocapitalize: "characters", spellcheck: "false" })),
    h("label", { for: "list-list" }, "List", h("select", { id: "list-list", name: "list" }, Object.entries(KINDS).map(([name, [, meaning]]) => h("option", { value: name }, meaning)))),
    Object.keys(LABELS).map(field),
    h("div", { class: "row" }, h("button", { type: "submit", class: "main" }, "Add")),
  );
  async function add(event) {
    event.preventDefault();
    try {
      const entry = await api("lists/entries", { method: "PUT", json: Object.fromEntries(new FormData(form)) });
      toast(`${entry.plate} is on the list`);
      form.reset();
      changed();
    } catch (error) {
      toast(error.message, "bad");
    }
  }
  return h("details", {}, h("summary", {}, "Add a plate"), form);
}

function files(problems, changed) {
  const skipBad = h("input", { type: "checkbox", id: "list-skip" });
  const chosen = h("input", { type: "file", id: "list-file", accept: ".csv,text/csv", onchange: send });
  async function send() {
    const [file] = chosen.files;
    if (!file) return;
    problems.replaceChildren();
    try {
      const done = await api(`lists/import?skip_bad=${skipBad.checked}`, { method: "POST", body: file });
      toast(`${done.entries.toLocaleString()} entries are in force`);
      if (done.left_out.length) problems.append(broken(`${done.left_out.length} rows were left out`, done.left_out));
      changed();
    } catch (error) {
      problems.append(broken(error.content?.rows?.length ? `Nothing was imported: ${error.content.row_count} rows are broken` : error.message, error.content?.rows ?? []));
    }
    chosen.value = ""; // the same file, corrected, can be chosen again
  }
  return h(
    "details",
    {},
    h("summary", {}, "Import and export"),
    h("p", { class: "soft" }, "A CSV file replaces all lists; broken rows refuse it as a whole."),
    h("label", { for: "list-file" }, "Import a file", chosen),
    h("label", { for: "list-skip", class: "check" }, skipBad, "Leave broken rows out"),
    h("div", { class: "row" }, h("a", { class: "button quiet", href: "/api/lists/export.csv", download: "lists.csv" }, "Export")),
  );
}

function broken(title, rows) {
  return h("div", {}, h("p", { class: "problem" }, title), h("ul", {}, rows.map((r) => h("li", {}, `${r.at}: ${r.problem}`))));
}
