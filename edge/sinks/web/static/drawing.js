// Drawing a region and a virtual line over the picture: mouse, finger or arrow keys. Shares of width and height.
import { h, s } from "./dom.js";

const STEP = 0.01;
const MAX_POINTS = 32;

export class Drawing {
  constructor(allowed, save) {
    this.allowed = allowed;
    this.region = [];
    this.line = null;
    this.tool = "region";
    this.moving = null;
    this.changed = false;
    this.layer = s("svg", { class: "drawing", viewBox: "0 0 1000 1000", preserveAspectRatio: "none", "aria-label": "Region and line" });
    this.handles = h("div", { class: "handles" });
    const wrapper = h("div", { class: "layer" }, this.layer, this.handles);
    this.svg = this.layer;
    this.layer = wrapper;
    this.tools = allowed ? this.makeTools(save) : h("p", { class: "soft hint" }, "An admin may draw the region and the line here.");
    this.unload = (event) => this.changed && event.preventDefault();
    window.addEventListener("beforeunload", this.unload);
    if (allowed) this.listen();
  }

  makeTools(save) {
    const tool = (value, label) =>
      h("label", {}, h("input", { type: "radio", name: "tool", value, checked: value === this.tool, onchange: () => this.pick(value) }), label);
    const choice = (id, label, options) => {
      const select = h("select", { id, onchange: () => this.touch() }, options.map(([v, t]) => h("option", { value: v }, t)));
      return [h("label", { for: id }, label, select), select];
    };
    const [directionLabel, direction] = choice("direction", "Direction is told by", [
      ["growth", "the plate growing or shrinking"],
      ["line", "the virtual line"],
      ["entry", "nothing: every car enters here"],
      ["exit", "nothing: every car leaves here"],
    ]);
    const [approachingLabel, approaching] = choice("approaching", "A car coming closer", [["entry", "enters"], ["exit", "leaves"]]);
    this.direction = direction;
    this.approaching = approaching;
    this.saveButton = h("button", { type: "button", class: "main", disabled: true, onclick: () => this.submit(save) }, "Save");
    this.hint = h("p", { class: "soft hint", "aria-live": "polite" });
    return h(
      "div",
      { class: "tools" },
      h("fieldset", { class: "row" }, h("legend", {}, "Draw"), tool("region", "Region"), tool("line", "Line"), h("button", { type: "button", class: "quiet", onclick: () => this.undo() }, "Remove last point"), h("button", { type: "button", class: "quiet", onclick: () => this.clear() }, "Clear")),
      this.hint,
      h("div", { class: "row" }, directionLabel, approachingLabel, this.saveButton),
    );
  }

  load({ region, line, direction, approaching }) {
    this.region = region.map((p) => [...p]);
    this.line = line ? line.map((p) => [...p]) : null;
    if (this.allowed) {
      this.direction.value = direction;
      this.approaching.value = approaching;
    }
    this.changed = false;
    this.render();
  }

  pick(tool) {
    this.tool = tool;
    this.render();
  }

  listen() {
    this.layer.addEventListener("pointerdown", (event) => {
      if (event.target.closest(".handle")) return;
      const at = this.place(event);
      if (this.tool === "line") this.line = this.line && this.line.length === 1 ? [this.line[0], at] : [at];
      else if (this.region.length < MAX_POINTS) this.region.push(at);
      this.touch();
    });
    this.layer.addEventListener("pointermove", (event) => {
      if (!this.moving) return;
      const point = this.points(this.moving.kind)[this.moving.index];
      [point[0], point[1]] = this.place(event);
      this.touch();
    });
    for (const end of ["pointerup", "pointercancel"]) this.layer.addEventListener(end, () => (this.moving = null));
  }

  points(kind) {
    return kind === "line" ? (this.line ?? []) : this.region;
  }

  place(event) {
    const box = this.layer.getBoundingClientRect();
    const share = (value) => Math.round(Math.max(0, Math.min(1, value)) * 1000) / 1000;
    return [share((event.clientX - box.left) / box.width), share((event.clientY - box.top) / box.height)];
  }

  undo() {
    if (this.tool === "region") this.region.pop();
    else if (this.line) this.line = this.line.length > 1 ? [this.line[0]] : null;
    this.touch();
  }

  clear() {
    if (this.tool === "region") this.region = [];
    else this.line = null;
    this.touch();
  }

  touch() {
    this.changed = true;
    if (this.line?.length === 2 && this.tool === "line" && this.direction.value === "growth") this.direction.value = "line";
    if (!this.line && this.direction.value === "line") this.direction.value = "growth";
    this.render();
  }

  problem() {
    if (this.region.length === 1 || this.region.length === 2) return "A region needs at least three points.";
    if (this.line?.length === 1) return "Set the line's other end.";
    if (this.direction.value === "line" && !this.line) return "Draw the line, or tell the direction another way.";
    return "";
  }

  submit(save) {
    save({ region: this.region, line: this.line, direction: this.direction.value, approaching: this.approaching.value });
    this.changed = false;
    this.render();
  }

  render() {
    const scaled = (points) => points.map(([x, y]) => `${1000 * x},${1000 * y}`).join(" ");
    const shapes = [];
    if (this.region.length > 2) {
      const outside = `M0 0H1000V1000H0Z M${scaled(this.region).replaceAll(" ", "L")}Z`;
      shapes.push(s("path", { class: "outside", d: outside, "fill-rule": "evenodd" }));
    }
    if (this.region.length) shapes.push(s(this.region.length > 2 ? "polygon" : "polyline", { class: "region", points: scaled(this.region) }));
    if (this.line?.length === 2) {
      shapes.push(s("polyline", { class: "line", points: scaled(this.line) }), this.arrow());
    }
    this.svg.replaceChildren(...shapes);
    if (!this.allowed) return;
    this.renderHandles();
    const problem = this.problem();
    this.saveButton.disabled = !this.changed || Boolean(problem);
    const how = this.tool === "region" ? "Tap the corners of the area where plates appear; drag a corner to move it. No region: the whole picture." : "Tap the two ends of a line that cars cross. The arrow shows the way in.";
    const text = problem || how;
    if (this.hint.textContent !== text) this.hint.textContent = text;
    this.hint.classList.toggle("problem", Boolean(problem));
  }

  // From the left of the line to its right is an entry: the arrow stands on the right-hand side.
  arrow() {
    const [[ax, ay], [bx, by]] = this.line;
    const aspect = this.layer.clientWidth / Math.max(1, this.layer.clientHeight);
    const [dx, dy] = [(bx - ax) * aspect, by - ay];
    const length = Math.hypot(dx, dy) || 1;
    const [nx, ny] = [-dy / length / aspect, dx / length];
    const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
    const at = (along, across) => [mx + nx * along + (across * dx) / length / aspect, my + ny * along + (across * dy) / length];
    const points = [at(0.03, 0), at(0.12, 0), at(0.08, 0.03), at(0.12, 0), at(0.08, -0.03)];
    return s("polyline", { class: "way", points: points.map(([x, y]) => `${1000 * x},${1000 * y}`).join(" ") });
  }

  renderHandles() {
    const focused = document.activeElement?.dataset?.handle;
    const kind = this.tool;
    const all = this.points(kind).map((point, index) => this.handle(kind, point, index));
    if (this.moving) {
      const old = this.handles.children[this.moving.index];
      if (old && all.length === this.handles.children.length) {
        const [x, y] = this.points(kind)[this.moving.index];
        old.style.left = `${100 * x}%`;
        old.style.top = `${100 * y}%`;
        return; // keep the element that holds the pointer
      }
    }
    this.handles.replaceChildren(...all);
    if (focused) this.handles.querySelector(`[data-handle="${focused}"]`)?.focus();
  }

  handle(kind, [x, y], index) {
    const label = `${kind === "line" ? "Line end" : "Region corner"} ${index + 1}, ${Math.round(100 * x)} % from the left, ${Math.round(100 * y)} % from the top. Arrow keys move it, Delete removes it.`;
    const button = h("button", { type: "button", class: `handle ${kind}`, "aria-label": label, "data-handle": `${kind}${index}` });
    button.style.left = `${100 * x}%`;
    button.style.top = `${100 * y}%`;
    button.addEventListener("pointerdown", (event) => {
      this.moving = { kind, index };
      this.layer.setPointerCapture(event.pointerId);
    });
    button.addEventListener("keydown", (event) => this.key(event, kind, index));
    return button;
  }

  key(event, kind, index) {
    const step = event.shiftKey ? 5 * STEP : STEP;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const move = moves[event.key];
    const points = this.points(kind);
    if (move) {
      points[index] = points[index].map((v, k) => Math.round(Math.max(0, Math.min(1, v + move[k])) * 1000) / 1000);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      points.splice(index, 1);
      if (kind === "line" && !points.length) this.line = null;
    } else return;
    event.preventDefault();
    this.touch();
  }

  close() {
    window.removeEventListener("beforeunload", this.unload);
  }
}
