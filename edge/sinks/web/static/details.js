// One event in full: picture, rivals, facts, correction, explanation, the document as it went over the wire.
import { api } from "./api.js";
import { explanation } from "./explanation.js";
import { bar, decision, direction, grade, h, icon, percent, plate, toast, when } from "./dom.js";

export function details(event, me, changed = () => {}) {
  const body = h("div", { class: "details" });
  const close = h("button", { type: "button", class: "quiet square", "aria-label": "Close" }, icon("close"));
  const dialog = h("dialog", { "aria-labelledby": "details-title" }, h("header", {}, h("h2", { id: "details-title" }, title(event)), close), body);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (click) => click.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  fill(body, event, me, changed);
  dialog.showModal();
}

const TITLES = { "watch.hit": "A car on the watch list", "session.closed": "A stay that ended", gap: "Events were lost here" };

function title(event) {
  return TITLES[event.type] ?? (event.type === "passage.unread" ? "A car whose plate was not read" : event.type === "passage.provisional" ? "A car that is still here" : "A car that passed");
}

function fill(body, event, me, changed) {
  const verdict = event.plate;
  const head = h(
    "div",
    { class: "answer" },
    event.crop ? h("img", { src: event.crop, alt: `Picture of the plate`, class: "crop" }) : null,
    h("div", {}, event.type === "gap" ? null : plate(event.correction?.text ?? verdict?.text, "large"), verdictLine(event)),
  );
  const parts = [head];
  if (verdict) parts.push(rivals(verdict));
  if (event.type !== "gap") parts.push(explanation(event));
  parts.push(facts(event));
  if (me.can.correct && event.type !== "gap") parts.push(correction(event, (fresh) => (changed(fresh), body.replaceChildren(), fill(body, fresh, me, changed))));
  const raw = { ...event };
  delete raw.crop;
  parts.push(h("details", {}, h("summary", {}, "As it went over the wire"), h("pre", { tabindex: "0" }, JSON.stringify(raw, null, 2))));
  body.append(...parts);
}

function verdictLine(event) {
  if (event.correction) {
    const read = event.plate ? [" It was read as ", h("b", {}, event.plate.text), "."] : [" It had not been read."];
    return h("p", {}, `Corrected by ${event.correction.by}.`, ...read);
  }
  if (event.type === "gap") return h("p", {}, "The outbox gave up events at its limit, or its file was damaged.");
  if (!event.plate) return h("p", {}, "The plate stayed illegible.");
  return h("p", { class: grade(event.plate.probability) }, `Right with ${percent(event.plate.probability)}`);
}

function rivals(verdict) {
  const rows = verdict.alternatives.map(([text, p], k) =>
    h("tr", {}, h("th", { scope: "row" }, text), h("td", {}, bar(p, k ? "soft" : grade(p), percent(p))), h("td", { class: "number" }, percent(p))),
  );
  return h("table", { class: "rivals" }, h("caption", {}, `What ${verdict.reads} looks together say`), h("tbody", {}, rows));
}

// Values that other parts of the gate add: yes and no, and of a long hash its beginning.
function plain(value) {
  const text = String(value ?? "");
  return { true: "yes", false: "no" }[text] ?? (/^[0-9a-f]{32,}$/.test(text) ? `${text.slice(0, 12)} …` : text);
}

function facts(event) {
  const rows = [
    ["When", when(event.captured_at)],
    ["Direction", direction(event.direction)],
    ["Decision", decision(event.decision)],
    ["Lane, camera", `${event.lane}, ${event.camera}`],
    ["Format", event.plate?.region],
    ["Height in the picture", event.plate ? `${Math.round(event.plate.height_px)} px` : null],
    ["Number in the lane", event.sequence],
    ...Object.entries(event.details).map(([name, value]) => [name.replaceAll("_", " "), plain(value)]),
    ["Software", `${event.software.version} · ${event.software.detector} · ${event.software.recogniser}`],
  ];
  return h("dl", {}, rows.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function correction(event, done) {
  const input = h("input", { id: "right-plate", value: event.correction?.text ?? event.plate?.text ?? "", maxlength: "20", required: true, class: "plate-input", autocapitalize: "characters", autocomplete: "off", spellcheck: "false" });
  async function submit(submitted) {
    submitted.preventDefault();
    try {
      const fresh = await api(`events/${event.event_id}/correction`, { method: "PUT", json: { text: input.value } });
      toast("Corrected. The picture is kept to train the reader.");
      done(fresh);
    } catch (error) {
      toast(error.message, "bad");
    }
  }
  return h("form", { class: "row", onsubmit: submit }, h("label", { for: "right-plate" }, "The plate really is", input), h("button", { type: "submit" }, "Correct"));
}
