// Site: is everything in order, where are plates lost, what waits to be delivered.
import { api } from "./api.js";
import { listsPanel } from "./lists.js";
import { bytes, duration, h, icon, percent, pill } from "./dom.js";
import { Panels, panel } from "./panels.js";
import { ParkingPanels } from "./parking.js";

const EVERY_MS = 2000;
const STEPS = [["received", "Pictures received"], ["analysed", "Pictures analysed"], ["plates_detected", "Plates found"], ["plates_legible", "Plates legible"], ["plates_read", "Plates read"]];
const REASONS = {
  newest_wins: "replaced by a newer one while busy",
  rate_limit: "above max_fps",
  decode_error: "damaged",
  inference_error: "a model failed",
  stopping: "on the way down",
  implausible: "no plate has that shape",
  outside_region: "outside the region",
  too_small: "too small",
  blurred: "blurred",
  cut: "cut by the picture's edge",
  surplus: "not needed, better looks exist",
  illegible: "illegible",
  voted: "read",
  unsure: "unsure",
  no_quorum: "too few looks",
  never_read: "never read",
  parked: "parked",
  same_vehicle: "seen again",
  phantom: "no plate after all",
};
const PARTS = { thread: "Vision", model: "Model", camera: "Camera", sink: "Delivery", disk: "Disk" };

export function sitePage(main, me) {
  const panels = new Panels();
  const parkPanels = new Panels();
  const park = me.can.parking ? new ParkingPanels(parkPanels, me) : null;
  const parts = [];
  if (park) parts.push(["Car park", parkPanels.element]);
  if (me.can.lists) parts.push(["Lists", listsPanel(me)]);
  parts.push(["Machine", panels.element]);
  if (parts.length > 1) main.append(jumps(parts));
  main.append(...parts.map(([, element]) => element));
  let timer;
  async function refresh() {
    try {
      const status = await api("status");
      show(panels, status);
      panels.problem("");
      await park?.refresh([...new Set(status.cameras.map((c) => c.lane))]);
      parkPanels.problem("");
    } catch (error) {
      (park ? parkPanels : panels).problem(error.message);
    }
    timer = setTimeout(refresh, EVERY_MS);
  }
  refresh();
  return { close: () => clearTimeout(timer) };
}

// A long page: one tap leads to each part of it.
function jumps(parts) {
  const jump = (element) => {
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "start" });
  };
  return h("nav", { class: "jumps", "aria-label": "On this page" }, parts.map(([name, element]) => h("button", { type: "button", class: "quiet", onclick: () => jump(element) }, name)));
}

function show(panels, status) {
  const { at, uptime_s, ...rest } = status;
  panels.show("summary", [status.vehicles, status.outbox, Math.floor(uptime_s / 60)], () => summary(status));
  panels.show("health", [rest.ready, rest.checks], () => health(status));
  for (const camera of status.cameras) {
    const times = status.stages.filter((s) => s.camera === camera.camera);
    panels.show(`camera/${camera.camera}`, [camera.funnel, camera.losses, camera.gated, camera.reconnects, times], () => funnel(camera, times));
  }
  panels.show("delivery", [status.outbox, status.sinks.map((s) => [s.sink, s.connected, s.reason, s.pending, s.certificate_days])], () => delivery(status));
}

function summary(status) {
  const { passed, expected_right } = status.vehicles;
  const tile = (value, label, kind = "") => h("div", {}, h("dt", {}, label), h("dd", { class: kind }, value));
  return panel(
    "Since the start",
    h(
      "dl",
      { class: "tiles" },
      tile(passed.toLocaleString(), "vehicles"),
      tile(passed ? percent(expected_right / passed) : "–", "read right, expected"),
      tile(status.outbox.events.toLocaleString(), "events wait", status.outbox.events > 100 ? "warn" : ""),
      tile(duration(status.uptime_s), "running"),
    ),
  );
}

function health(status) {
  const ok = status.ready && status.alive;
  return panel(
    "Health",
    h("p", {}, ok ? pill("good", "Ready") : pill("bad", "Not ready"), h("span", { class: "soft" }, ` ${status.site}, version ${status.version}`)),
    h("ul", { class: "checks" }, status.checks.map((c) => item(c.ok, title(c.name), c.reason))),
  );
}

function title(name) {
  const [part, rest] = name.split("/", 2);
  if (name === "model/recogniser") return "Reader";
  if (name === "model/detector") return "Detector";
  if (name === "disk/outbox") return "Event store";
  return `${PARTS[part] ?? part} ${rest.replace("vision-", "").replace(/^outbox-space$/, "space")}`;
}

function item(ok, name, text) {
  return h("li", { class: ok ? "good" : "bad" }, icon(ok ? "good" : "bad", ok ? "good" : "problem"), h("b", {}, name), h("span", {}, text));
}

function funnel(camera, times) {
  const most = (key) => camera.funnel[key.startsWith("plates") ? "plates_detected" : "received"] || 1;
  const row = ([key, label]) => {
    const fill = h("span", {});
    fill.style.width = `${(100 * camera.funnel[key]) / most(key)}%`;
    return h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, h("span", { class: "meter accent", "aria-hidden": "true" }, camera.funnel[key] ? fill : null)), h("td", { class: "number" }, camera.funnel[key].toLocaleString()));
  };
  const counted = (label, entries) => (entries.length ? h("div", {}, h("dt", {}, label), h("dd", {}, entries.map(([reason, n]) => `${n.toLocaleString()} ${REASONS[reason] ?? reason}`).join(" · "))) : null);
  const by = (kind) => Object.entries(camera.losses[kind]).sort((a, b) => b[1] - a[1]);
  return panel(
    `From picture to plate: ${camera.camera}`,
    h("table", { class: "funnel" }, h("caption", { class: "away" }, `Funnel of ${camera.camera}`), h("tbody", {}, STEPS.map(row))),
    h(
      "dl",
      { class: "losses" },
      counted("Pictures not analysed", [...(camera.gated ? [["nothing moved", camera.gated]] : []), ...by("frames")]),
      counted("Plates not read", by("plates")),
      counted("Vehicles", by("vehicles")),
      camera.reconnects ? counted("Camera", [["times lost and back", camera.reconnects]]) : null,
    ),
    times.length ? stages(camera.camera, times) : null,
  );
}

function stages(camera, times) {
  const titles = ["Stage", "Times", "Mean", "95 %"];
  const head = h("tr", {}, titles.map((t, k) => h("th", { scope: "col", class: k ? "number" : "" }, t)));
  const rows = times.map((r) => h("tr", {}, h("th", { scope: "row" }, r.stage), h("td", { class: "number" }, r.count.toLocaleString()), h("td", { class: "number" }, `${r.mean_ms.toFixed(1)} ms`), h("td", { class: "number" }, `${r.p95_ms.toFixed(1)} ms`)));
  return h("details", { "data-key": `times/${camera}` }, h("summary", {}, "Time per picture"), h("table", { class: "plain" }, h("thead", {}, head), h("tbody", {}, rows)));
}

function delivery(status) {
  const { outbox } = status;
  const sinks = status.sinks.map((s) => {
    const waits = s.pending ? `, ${s.pending} events wait` : "";
    const certificate = s.certificate_days === null ? "" : `, certificate for ${Math.floor(s.certificate_days)} days`;
    return item(s.connected, s.sink, (s.connected ? `connected for ${duration(s.state_for_s)}` : s.reason) + waits + certificate);
  });
  const waits = outbox.events ? `${outbox.events} events wait, the oldest for ${duration(outbox.oldest_s)}` : "Nothing waits";
  return panel(
    "Delivery",
    h("p", {}, `${waits}; ${bytes(outbox.bytes)} on disk. `, outbox.dead_letters ? h("span", { class: "bad" }, `${outbox.dead_letters} events were refused: anpr-edge outbox list`) : h("span", { class: "soft" }, "None was refused.")),
    outbox.problem || outbox.alarm ? h("p", { class: "problem" }, outbox.problem || outbox.alarm) : null,
    h("ul", { class: "checks" }, sinks),
  );
}
