// Aim: for the technician on the ladder. One big verdict, what to change, and drawing on the picture.
import { api } from "./api.js";
import { h, icon, toast } from "./dom.js";
import { Drawing } from "./drawing.js";
import { View } from "./overlay.js";
import { Walk } from "./walk.js";

const KEEP_MS = 5000; // a figure stays readable this long after the plate has gone
const BEST_MS = 3000; // a car that drives in is judged by its best picture of the last seconds
const WORDS = {
  green: ["good", "Good", "Plates are large, sharp and bright enough."],
  amber: ["warn", "Nearly", ""],
  red: ["bad", "Not yet", ""],
  none: ["none", "No plate", "Let a car stop where it will stop later, or hold up a plate."],
  lost: ["bad", "No picture", ""],
};
const NAMES = {
  width: "Plate width",
  angle: "Lean",
  sharpness: "Sharpness",
  brightness: "Brightness",
  glare: "Glare",
  legible: "Legible",
  rate: "Pictures a second",
};
const RATE = { name: "rate", unit: "", green: 10, amber: 5, advice: "check the network and the camera's exposure time" };

export function aimPage(main, me, handlers) {
  const canvas = h("canvas", { role: "img", "aria-label": "Waiting for a picture", width: 960, height: 540 });
  const view = new View(canvas);
  const verdict = h("div", { class: "verdict none", role: "status" });
  const figures = h("ul", { class: "scales" });
  const select = h("select", { id: "camera" });
  const drawing = new Drawing(me.can.draw, save);
  const walk = new Walk();
  const picture = h("div", { class: "picture" }, canvas, drawing.layer);
  main.append(
    h(
      "div",
      { class: "aiming" },
      verdict,
      h("section", { class: "card", "aria-label": "Picture" }, h("label", { for: "camera", class: "inline" }, "Camera", select), picture, drawing.tools),
      h("aside", { "aria-label": "Figures" }, h("section", { class: "card" }, h("h2", {}, "What the reader needs"), figures), walk.element),
    ),
  );
  let shown = 0;
  let recent = [];
  let rate = null;
  let cameras = [];

  function say(kind, note) {
    const [symbol, word, text] = WORDS[kind];
    const content = word + (note ?? text);
    if (verdict.dataset.shown === content) return;
    verdict.dataset.shown = content;
    verdict.className = `verdict ${symbol}`;
    verdict.replaceChildren(icon(symbol === "none" ? "unknown" : symbol), h("div", {}, h("strong", {}, word), h("p", {}, note ?? text)));
  }

  handlers.frame = (frame) => {
    if (frame.camera !== select.value) return;
    view.show(frame);
    if (!frame.aim) return;
    shown = Date.now();
    walk.note(frame);
    recent = [...recent.filter((r) => r.at > shown - BEST_MS), { at: shown, figures: frame.aim.figures }];
    const best = recent.reduce((a, b) => (badness(b.figures) <= badness(a.figures) ? b : a));
    const all = rate === null ? best.figures : [...best.figures, graded(RATE, rate)];
    const worst = all.find((f) => f.grade === "red") ?? all.find((f) => f.grade === "amber");
    say(worst?.grade ?? "green", worst && `${NAMES[worst.name]} ${amount(worst)}: ${worst.advice}.`);
    drawScales(figures, all);
  };
  handlers.lost = () => say("lost", "The gate computer does not answer. Trying again …");
  handlers.state = (state) => {
    const camera = state.cameras[select.value];
    if (!camera) return;
    rate = camera.state === "up" ? camera.fps : null;
    if (camera.state !== "up") say("lost", camera.reason || camera.state);
    else if (Date.now() - shown > KEEP_MS) {
      say("none");
      drawScales(figures, rate === null ? [] : [graded(RATE, rate)]);
    }
  };

  function choose() {
    const camera = cameras.find((c) => c.camera === select.value);
    drawing.load(camera.drawing);
    walk.restart(camera.camera);
    shown = 0;
    recent = [];
    handlers.watchOnly([camera.camera]);
  }
  async function save(drawn) {
    try {
      const saved = await api(`cameras/${encodeURIComponent(select.value)}/drawing`, { method: "PUT", json: drawn });
      cameras.find((c) => c.camera === select.value).drawing = drawn;
      toast(saved.message);
    } catch (error) {
      toast(error.message, "bad");
    }
  }
  select.addEventListener("change", choose);
  say("none");
  api("cameras").then((found) => {
    cameras = found;
    select.append(...found.map((c) => h("option", { value: c.camera }, `${c.camera} (${c.lane})`)));
    choose();
  }, (error) => toast(error.message, "bad"));
  return { close: () => drawing.close() };
}

function badness(figures) {
  const points = { red: 100, amber: 10, green: 0 };
  return figures.reduce((sum, f) => sum + points[f.grade], 0);
}

function amount(f) {
  const digits = f.name === "sharpness" ? 2 : 0;
  return `${f.value.toFixed(digits)}${f.unit ? ` ${f.unit}` : ""}`;
}

function graded(scale, value) {
  const rising = scale.green > scale.amber;
  const grade = (rising ? value >= scale.green : value <= scale.green) ? "green" : (rising ? value >= scale.amber : value <= scale.amber) ? "amber" : "red";
  return { ...scale, value, grade };
}

const SYMBOL = { green: "good", amber: "warn", red: "bad" };

function drawScales(list, figures) {
  list.replaceChildren(
    ...figures.map((f) => {
      const rising = f.green > f.amber;
      const full = rising ? f.green * 1.6 : f.amber * 1.6;
      const zone = h("span", { class: `zone ${rising ? "rising" : "falling"}`, "aria-hidden": "true" });
      zone.style.setProperty("--low", `${(100 * Math.min(f.green, f.amber)) / full}%`);
      zone.style.setProperty("--high", `${(100 * Math.max(f.green, f.amber)) / full}%`);
      const mark = h("i", {});
      mark.style.left = `${Math.max(0, Math.min(100, (100 * f.value) / full))}%`;
      zone.append(mark);
      const wanted = `${rising ? "≥" : "≤"} ${f.green}${f.unit ? ` ${f.unit}` : ""}`;
      return h(
        "li",
        { class: SYMBOL[f.grade] },
        h("span", { class: "name" }, NAMES[f.name] ?? f.name, h("span", { class: "soft" }, ` ${wanted}`)),
        h("span", { class: "value" }, icon(SYMBOL[f.grade], f.grade), amount(f)),
        zone,
        f.grade === "green" ? null : h("p", {}, `${f.advice[0].toUpperCase()}${f.advice.slice(1)}.`),
      );
    }),
  );
}
