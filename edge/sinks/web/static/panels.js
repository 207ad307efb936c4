// Panels of a page that is kept fresh: each is drawn again only when its own figures change and nobody works in it.
import { h } from "./dom.js";

export class Panels {
  constructor() {
    this.element = h("div", { class: "panels" }, h("p", { class: "empty" }, "Loading …"));
    this.alarm = h("p", { class: "card problem", role: "alert", hidden: true });
    this.shown = new Map(); // key -> [figures as text, element]
  }

  show(key, figures, make) {
    const text = JSON.stringify(figures);
    const [before, old] = this.shown.get(key) ?? ["", null];
    if (text === before || (old && busy(old))) return;
    const fresh = make();
    if (old) {
      for (const part of old.querySelectorAll("details[open][data-key]")) {
        const same = fresh.querySelector(`details[data-key="${CSS.escape(part.dataset.key)}"]`);
        if (same) same.open = true;
      }
      old.replaceWith(fresh);
    } else {
      if (!this.shown.size) this.element.replaceChildren(this.alarm);
      this.element.append(fresh);
    }
    this.shown.set(key, [text, fresh]);
  }

  problem(text) {
    this.alarm.textContent = text;
    this.alarm.hidden = !text;
    if (text && !this.shown.size) this.element.replaceChildren(this.alarm);
  }
}

// Somebody has the keyboard there, or has marked text to copy it.
function busy(element) {
  const marked = getSelection();
  return element.contains(document.activeElement) || (!marked.isCollapsed && element.contains(marked.anchorNode));
}

export function panel(title, ...content) {
  return h("section", { class: "card" }, h("h2", {}, title), ...content);
}
