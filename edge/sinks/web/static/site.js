// Site: is everything in order, where are plates lost, what waits to be delivered.
import { api } from "./api.js";
import { bytes, duration, h, icon, pill } from "./dom.js";

const EVERY_MS = 2000;
const STEPS = [["received", "Pictures received"], ["analysed", "Pictures analysed"], ["plates_detected", "Plates found"], ["plates_legible", "Plates legible"], ["plates_read", "Plates read"]];

export function sitePage(main) {
  const out = h("div", { class: "panels" });
  main.append(out);
  let timer;
  let before = "";
  async function refresh() {
    try {
      const status = await api("status");
      const key = JSON.stringify({ ...status, at: 0, uptime_s: 0 });
      if (key !== before) draw(out, status); // untouched panels keep their focus and selection
      before = key;
    } catch (error) {
      before = "";
      out.replaceChildren(h("p", { class: "empty problem" }, error.message));
    }
    timer = setTimeout(refresh, EVERY_MS);
  }
  refresh();
  return { close: () => clearTimeout(timer) };
}

function draw(out, status) {
  out.replaceChildren(health(status), ...status.cameras.map((c) => funnel(c)), delivery(status), models(status), ...(status.stages.length ? [stages(status)] : []));
}

function panel(title, ...content) {
  return h("section", { class: "card" }, h("h2", {}, title), ...content);
}

function health(status) {
  const ok = status.ready && status.alive;
  return panel(
    "Health",
    h("p", {}, ok ? pill("good", "Ready") : pill("bad", "Not ready"), h("span", { class: "soft" }, ` ${status.site}, version ${status.version}, up ${duration(status.uptime_s)}`)),
    h("ul", { class: "checks" }, status.checks.map((c) => h("li", { class: c.ok ? "good" : "bad" }, icon(c.ok ? "good" : "bad", c.ok ? "good" : "problem"), h("b", {}, c.name), h("span", {}, c.reason)))),
  );
}

function funnel(camera) {
  const most = (key) => Math.max(1, camera.funnel[key.startsWith("plates") ? "plates_detected" : "received"]);
  const row = ([key, label]) => {
    const fill = h("span", {});
    fill.style.width = `${(100 * camera.funnel[key]) / most(key)}%`;
    return h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, h("span", { class: "meter accent", "aria-hidden": "true" }, fill)), h("td", { class: "number" }, camera.funnel[key].toLocaleString()));
  };
  const losses = (kind, label) => {
    const entries = Object.entries(camera.losses[kind]);
    return entries.length ? h("p", { class: "soft" }, h("b", {}, `${label}: `), entries.map(([reason, n]) => `${reason.replaceAll("_", " ")} ${n.toLocaleString()}`).join(", ")) : null;
  };
  return panel(
    `From picture to plate: ${camera.camera}`,
    h("table", { class: "funnel" }, h("caption", { class: "away" }, `Funnel of ${camera.camera}`), h("tbody", {}, STEPS.map(row))),
    camera.gated ? h("p", { class: "soft" }, h("b", {}, "Nothing moved: "), camera.gated.toLocaleString()) : null,
    losses("frames", "Pictures lost"),
    losses("plates", "Plates not read"),
    losses("vehicles", "Vehicles"),
    h("p", { class: "soft" }, h("b", {}, "Reconnected: "), `${camera.reconnects} times`),
  );
}

function delivery(status) {
  const { outbox } = status;
  const rows = status.sinks.map((s) =>
    h("li", { class: s.connected ? "good" : "bad" }, icon(s.connected ? "good" : "bad", s.connected ? "connected" : "not connected"), h("b", {}, s.sink), h("span", {}, s.connected ? `connected for ${duration(s.state_for_s)}` : s.reason, s.certificate_days === null ? "" : `, certificate for ${Math.floor(s.certificate_days)} days`)),
  );
  const waits = outbox.events ? `${outbox.events} events wait, the oldest for ${duration(outbox.oldest_s)}` : "Nothing waits";
  const disks = status.disks.map((d) => h("li", { class: "good" }, icon("good"), h("b", {}, `disk ${d.volume}`), h("span", {}, `${bytes(d.free_bytes)} free of ${bytes(d.total_bytes)}`)));
  return panel(
    "Delivery",
    h("p", {}, `${waits}. `, outbox.dead_letters ? h("span", { class: "bad" }, `${outbox.dead_letters} dead letters: anpr-edge outbox list`) : h("span", { class: "soft" }, "No dead letters.")),
    outbox.problem ? h("p", { class: "problem" }, outbox.problem) : null,
    h("ul", { class: "checks" }, rows, disks),
  );
}

function models(status) {
  return panel(
    "Models",
    h("ul", { class: "checks" }, status.models.map((m) => h("li", { class: m.ready ? "good" : "bad" }, icon(m.ready ? "good" : "bad", m.ready ? "loaded" : "not loaded"), h("b", {}, m.role), h("span", {}, `${m.name} on ${m.provider}`)))),
  );
}

function stages(status) {
  const head = h("tr", {}, ["Camera", "Stage", "Times", "Mean", "95 %"].map((t, k) => h("th", { scope: "col", class: k > 1 ? "number" : "" }, t)));
  const rows = status.stages.map((r) => h("tr", {}, h("td", {}, r.camera), h("td", {}, r.stage), h("td", { class: "number" }, r.count.toLocaleString()), h("td", { class: "number" }, `${r.mean_ms.toFixed(1)} ms`), h("td", { class: "number" }, `${r.p95_ms.toFixed(1)} ms`)));
  return panel("Time per picture", h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Time per picture" }, h("table", { class: "plain" }, h("thead", {}, head), h("tbody", {}, rows))));
}
