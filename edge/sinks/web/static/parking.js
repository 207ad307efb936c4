// The car park: free spaces, who is inside, exits without a stay, and putting right what the gates got wrong.
import { api } from "./api.js";
import { duration, h, icon, pill, plate, toast, when } from "./dom.js";
import { panel } from "./panels.js";

const SHOWN = 8; // the longest stays; the others are one click away

export class ParkingPanels {
  constructor(panels, me) {
    this.panels = panels;
    this.me = me;
    this.lanes = [];
  }

  async refresh(lanes) {
    this.lanes = lanes;
    const park = await api("parking");
    const act = (...what) => this.act(...what);
    const facts = (stays) => stays.map((s) => [s.session_id, s.plate, s.overstay, s.corrected, Math.floor(s.duration_s / 60)]);
    this.panels.show("parking/zones", park.zones, () => zones(park, act, this.me));
    this.panels.show("parking/inside", facts(park.open), () => stays(park, act, this.me, lanes));
    this.panels.show("parking/unmatched", park.unmatched, () => unmatched(park, act, this.me));
  }

  async act(path, method, json, done) {
    try {
      await api(`parking/${path}`, { method, json });
      toast(done);
      document.activeElement?.blur();
      await this.refresh(this.lanes);
    } catch (error) {
      toast(error.message, "bad");
    }
  }
}

// A small form with one field that opens below its summary.
function oneField(key, summary, label, attributes, button, send) {
  const input = h("input", { required: true, autocomplete: "off", ...attributes });
  const submit = (event) => (event.preventDefault(), send(input.value));
  return h("details", { "data-key": key }, h("summary", {}, summary), h("form", { class: "row", onsubmit: submit }, h("label", {}, label, input), h("button", { type: "submit" }, button)));
}

const plateField = (value) => ({ value, class: "plate-input", maxlength: "20", autocapitalize: "characters", spellcheck: "false" });

function zones(park, act, me) {
  const row = (z) => {
    const fill = h("span", {});
    fill.style.width = `${z.capacity ? Math.min(100, Math.max(0, (100 * z.cars) / z.capacity)) : 0}%`;
    const full = z.free === 0;
    return h(
      "li",
      {},
      h("div", { class: "row spread" }, h("b", {}, z.zone), z.capacity ? h("span", { class: "figures" }, h("strong", { class: full ? "bad" : "good" }, full ? "full" : `${z.free} free`), h("span", { class: "soft" }, ` of ${z.capacity}`)) : h("span", { class: "figures" }, `${z.cars} cars`)),
      z.capacity ? h("span", { class: "meter accent", role: "img", "aria-label": `${z.cars} cars inside` }, fill) : null,
      z.alarm ? h("p", { class: "warn" }, icon("warn"), ` ${z.alarm}`) : null,
      me.can.correct ? oneField(z.zone, "Set the count", "Cars inside now", { type: "number", min: "0", value: String(Math.max(0, z.cars)), inputmode: "numeric" }, "Set", (cars) => act(`zones/${encodeURIComponent(z.zone)}/cars`, "PUT", { cars: Number(cars) }, `${z.zone}: ${cars} cars`)) : null,
    );
  };
  return panel("Free spaces", h("ul", { class: "zones" }, park.zones.map(row)));
}

function stays(park, act, me, lanes) {
  const long = park.open.filter((s) => s.overstay).length;
  const rows = park.open.map((s) => stay(s, act, me));
  return panel(
    "Inside",
    h("p", {}, `${park.open.length} ${park.open.length === 1 ? "car" : "cars"} with a stay`, long ? [", ", h("strong", { class: "warn" }, `${long} for too long`)] : null, "."),
    h("ul", { class: "stays" }, rows.slice(0, SHOWN)),
    rows.length > SHOWN ? h("details", { "data-key": "more" }, h("summary", {}, `${rows.length - SHOWN} more`), h("ul", { class: "stays" }, rows.slice(SHOWN))) : null,
    me.can.correct ? addForm(act, lanes) : null,
  );
}

function stay(s, act, me) {
  const text = s.plate || "no plate";
  const tools = me.can.correct
    ? h(
        "div",
        { class: "row tools" },
        oneField(s.session_id, "Correct", "The plate really is", plateField(s.plate), "Correct", (right) => act(`passages/${s.session_id}/plate`, "PUT", { text: right }, `${text} is ${right.toUpperCase()}`)),
        oneField(`${s.session_id} left`, "Has left", "Left at (empty: now)", { type: "datetime-local", required: false }, "End", (at) => act(`stays/${s.session_id}/end`, "POST", { at: at ? new Date(at).toISOString() : null }, `${text} has left`)),
      )
    : null;
  return h(
    "li",
    {},
    h("div", { class: "row spread" }, plate(s.plate), h("span", { class: "figures" }, duration(s.duration_s), " ", s.overstay ? pill("warn", "too long") : null)),
    h("p", { class: "facts soft" }, h("span", {}, "in by ", s.entry.lane), when(s.entry.at), s.tailgated ? h("b", { class: "warn" }, "followed another car in") : null, s.corrected ? h("span", {}, `corrected by ${s.entry.by ?? "a person"}`) : null),
    tools,
  );
}

function addForm(act, lanes) {
  const text = h("input", { ...plateField(""), required: true, minlength: "2", autocomplete: "off" });
  const lane = h("select", {}, lanes.map((name) => h("option", { value: name }, name)));
  const submit = (event) => (event.preventDefault(), act("stays", "POST", { plate: text.value, lane: lane.value }, `${text.value.toUpperCase()} is inside`));
  return h("details", { "data-key": "add" }, h("summary", {}, "A car came in unseen"), h("form", { class: "row", onsubmit: submit }, h("label", {}, "Plate", text), h("label", {}, "Came in by", lane), h("button", { type: "submit" }, "Add")));
}

function unmatched(park, act, me) {
  const row = ({ exit }) =>
    h(
      "li",
      {},
      h("div", { class: "row spread" }, plate(exit.plate), when(exit.at)),
      h("p", { class: "facts soft" }, h("span", {}, "out by ", exit.lane)),
      me.can.correct ? oneField(exit.passage_id, "Correct", "The plate really is", plateField(exit.plate ?? ""), "Correct", (right) => act(`passages/${exit.passage_id}/plate`, "PUT", { text: right }, `It was ${right.toUpperCase()}`)) : null,
    );
  return panel(
    "Left without a stay",
    park.unmatched.length ? h("ul", { class: "stays" }, park.unmatched.slice(0, SHOWN).map(row)) : h("p", { class: "soft" }, "Every exit has found its entry."),
    park.unmatched.length > SHOWN ? h("p", { class: "soft" }, `and ${park.unmatched.length - SHOWN} earlier ones`) : null,
  );
}
