// Makes elements: h("button", {class: "main", onclick: save}, "Save"). No innerHTML anywhere: plates and names are data.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function icon(name, label = "") {
  const svg = s("svg", { class: "icon", ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) });
  svg.append(s("use", { href: `#i-${name}` }));
  return svg;
}

export function plate(text, size = "") {
  const shown = text || "no plate";
  return h("span", { class: `plate ${size} ${text ? "" : "none"}`, translate: "no" }, shown);
}

const DIRECTIONS = { entry: ["in", "In"], exit: ["out", "Out"], unknown: ["unknown", "Direction unknown"] };

export function direction(name) {
  const [symbol, label] = DIRECTIONS[name] ?? DIRECTIONS.unknown;
  return h("span", { class: `direction ${symbol}` }, icon(symbol), label);
}

const KINDS = { "watch.hit": "on the watch list", "session.closed": "stay ended", gap: "events were lost here", "passage.provisional": "still here" };

// Kinds of event that are no plain passage are named.
export function kind(type) {
  return KINDS[type] ? h("span", { class: "kind" }, KINDS[type]) : null;
}

const DECISIONS = { open: ["good", "opened"], refuse: ["bad", "refused"], manual_assist: ["warn", "needs a person"], record_only: ["soft", "recorded only"] };

export function decision(name) {
  if (!name) return null;
  const [grade, text] = DECISIONS[name] ?? ["", name];
  return h("strong", { class: grade }, text);
}

export function pill(grade, text) {
  return h("span", { class: `pill ${grade}` }, icon(grade), text);
}

export function percent(share, digits = 1) {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(share > 0.9995 ? 2 : digits)} %`;
}

export function grade(probability) {
  return probability >= 0.95 ? "good" : probability >= 0.8 ? "warn" : "bad";
}

export function bar(share, kind, label) {
  const meter = h("span", { class: `meter ${kind}`, role: "img", "aria-label": label }, h("span", {}));
  meter.firstChild.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return meter;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });

export function when(iso) {
  const at = new Date(iso);
  const today = new Date().toDateString() === at.toDateString();
  return h("time", { datetime: iso, title: `${iso} (UTC)` }, clock.format(at), today ? null : h("span", { class: "soft" }, ` ${day.format(at)}`));
}

export function duration(seconds) {
  const whole = Math.floor(seconds);
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

export function bytes(count) {
  return count >= 1e9 ? `${(count / 1e9).toFixed(1)} GB` : count >= 1e6 ? `${(count / 1e6).toFixed(1)} MB` : `${Math.ceil(count / 1e3)} kB`;
}

let fading;
export function toast(text, kind = "good") {
  const box = document.getElementById("toast");
  box.replaceChildren(icon(kind), text);
  box.className = `shown ${kind}`;
  clearTimeout(fading);
  fading = setTimeout(() => (box.className = ""), 7000);
}
