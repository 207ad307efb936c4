// Walk test: drive through a few times, then keep a report that shows the camera was right when it was handed over.
import { h } from "./dom.js";

export class Walk {
  constructor() {
    this.text = h("p", { class: "soft" });
    this.begin = h("button", { type: "button", onclick: () => this.toggle() }, "Start");
    this.report = h("a", { class: "button quiet", download: "acceptance.json", hidden: true }, "Keep the report");
    this.element = h("section", { class: "card" }, h("h2", {}, "Walk test"), this.text, h("div", { class: "row" }, this.begin, this.report));
    this.restart("");
  }

  restart(camera) {
    this.camera = camera;
    this.running = false;
    this.samples = [];
    this.render();
  }

  toggle() {
    this.running = !this.running;
    if (this.running) {
      this.samples = [];
      this.started = new Date().toISOString();
    } else if (this.samples.length) this.finish();
    this.render();
  }

  note(frame) {
    if (!this.running) return;
    const figures = Object.fromEntries(frame.aim.figures.map((f) => [f.name, f.value]));
    this.samples.push({ verdict: frame.aim.verdict, vehicles: frame.vehicles.map((v) => v.id), ...figures });
    this.render();
  }

  share(grade) {
    return this.samples.length ? Math.round((100 * this.samples.filter((s) => s.verdict === grade).length) / this.samples.length) : 0;
  }

  finish() {
    const names = Object.keys(this.samples.at(-1)).filter((k) => typeof this.samples.at(-1)[k] === "number");
    const spread = (name) => {
      const values = this.samples.map((s) => s[name]).filter((v) => v !== undefined).sort((a, b) => a - b);
      const at = (share) => values[Math.floor(share * (values.length - 1))];
      return { lowest: values[0], median: at(0.5), highest: values.at(-1) };
    };
    const document = {
      camera: this.camera,
      from: this.started,
      until: new Date().toISOString(),
      vehicles: new Set(this.samples.flatMap((s) => s.vehicles)).size,
      pictures: this.samples.length,
      verdict_percent: { green: this.share("green"), amber: this.share("amber"), red: this.share("red") },
      figures: Object.fromEntries(names.map((n) => [n, spread(n)])),
    };
    if (this.report.href) URL.revokeObjectURL(this.report.href);
    this.report.href = URL.createObjectURL(new Blob([JSON.stringify(document, null, 2)], { type: "application/json" }));
  }

  render() {
    const count = this.samples.length;
    this.begin.textContent = this.running ? "Stop" : "Start";
    this.report.hidden = this.running || !count;
    this.text.textContent = count
      ? `${count} pictures with a plate: ${this.share("green")} % good, ${this.share("amber")} % nearly, ${this.share("red")} % not yet.`
      : this.running
        ? "Drive through the gate now."
        : "Drive through a few times; the report shows that the camera was right when you left.";
  }
}
