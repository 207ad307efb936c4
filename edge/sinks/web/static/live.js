// Live: one card per camera, and the last cars.
import { api } from "./api.js";
import { decision, direction, grade, h, kind, percent, pill, plate, when } from "./dom.js";
import { details } from "./details.js";
import { View } from "./overlay.js";

const SHOWN = 12;
const STATES = { up: ["good", "live"], connecting: ["warn", "connecting"], stalled: ["bad", "no picture"], frozen: ["bad", "frozen"], down: ["bad", "down"] };

const TITLES = { connecting: "Connecting …", stalled: "No picture", frozen: "The picture stands still", down: "No picture" };

export function livePage(main, me, handlers) {
  const grid = h("div", { class: "cameras" });
  const list = h("ol", { class: "cars", "aria-label": "Last cars, newest first" });
  main.append(h("div", { class: "split" }, grid, h("aside", { class: "card", "aria-label": "Last cars" }, h("h2", {}, "Last cars"), list)));
  const cards = new Map();

  async function fill() {
    for (const camera of await api("cameras")) {
      const card = new Card(camera);
      cards.set(camera.camera, card);
      grid.append(card.element);
    }
    handlers.watchOnly([...cards.keys()]);
    const { events } = await api("events");
    for (const event of events.slice(0, SHOWN).reverse()) add(event);
    if (!events.length) list.append(h("li", { class: "empty" }, "No car yet."));
  }
  fill().catch((error) => grid.append(h("p", { class: "empty problem" }, error.message)));

  function add(event) {
    list.querySelector(".empty")?.remove();
    list.querySelector(`[data-passage="${CSS.escape(event.passage_id)}"]`)?.remove(); // the final one replaces the provisional one
    list.prepend(car(event, me));
    while (list.children.length > SHOWN) list.lastChild.remove();
    for (const card of cards.values()) if (card.name === event.camera) card.decided(event);
  }
  handlers.event = add;
  handlers.frame = (frame) => cards.get(frame.camera)?.show(frame);
  handlers.lost = () => cards.forEach((card) => card.lost());
  handlers.state = (state) => {
    for (const [name, camera] of Object.entries(state.cameras)) cards.get(name)?.state(camera);
  };
}

class Card {
  constructor({ camera, lane }) {
    this.name = camera;
    const canvas = h("canvas", { role: "img", "aria-label": `${camera}: waiting for a picture`, width: 960, height: 540 });
    this.view = new View(canvas);
    this.status = h("span", { class: "pill warn" }, "waiting");
    this.figures = h("span", { class: "soft figures" });
    this.veil = h("div", { class: "veil" }, h("p", {}, "Waiting for a picture …"));
    this.last = h("div", { class: "decided soft" }, "No decision yet");
    this.element = h(
      "section",
      { class: "card camera", "aria-label": `Camera ${camera}` },
      h("header", {}, h("h2", {}, camera), h("span", { class: "soft" }, lane), this.figures, this.status),
      h("div", { class: "picture" }, canvas, this.veil),
      this.last,
    );
  }

  show(frame) {
    this.veil.hidden = true;
    this.view.show(frame);
  }

  state(camera) {
    const [kind, word] = STATES[camera.state] ?? STATES.down;
    const key = camera.state + camera.reason;
    if (this.shown !== key) {
      this.shown = key;
      const fresh = pill(kind, word);
      this.status.replaceWith(fresh);
      this.status = fresh;
      if (kind !== "good") this.cover(h("strong", {}, TITLES[camera.state] ?? "No picture"), h("p", {}, camera.reason));
      else if (!this.veil.hidden) this.cover(h("p", {}, "Waiting for a picture …"));
    }
    this.figures.textContent = camera.width ? `${camera.width} × ${camera.height} · ${camera.fps.toFixed(0)} fps` : "";
  }

  lost() {
    this.shown = "";
    this.figures.textContent = "";
    const status = pill("bad", "not live");
    this.status.replaceWith(status);
    this.status = status;
    this.cover(h("strong", {}, "No connection"), h("p", {}, "The gate computer does not answer. Trying again …"));
  }

  cover(...content) {
    this.veil.replaceChildren(...content);
    this.veil.hidden = false;
  }

  decided(event) {
    this.last.className = "decided";
    this.last.replaceChildren(plate(event.plate?.text), direction(event.direction), decision(event.decision) ?? "", when(event.captured_at));
  }
}

export function car(event, me) {
  const text = event.correction?.text ?? event.plate?.text;
  const probability = event.plate?.probability;
  const button = h(
    "button",
    { type: "button", class: "car", onclick: () => details(event, me) },
    event.crop ? h("img", { src: event.crop, alt: "", loading: "lazy", width: "96", height: "32" }) : h("span", { class: "nopicture" }),
    h("span", { class: "what" }, event.type === "gap" ? null : plate(text), h("span", { class: "facts" }, kind(event.type), event.type === "gap" ? null : direction(event.direction), h("span", { class: "soft" }, event.lane), decision(event.decision))),
    h("span", { class: "side" }, when(event.captured_at), probability === undefined ? h("span", { class: "soft" }, event.type === "gap" ? "" : "unread") : h("span", { class: grade(probability) }, percent(probability))),
  );
  return h("li", { "data-passage": event.passage_id, "data-event": event.event_id }, button);
}
