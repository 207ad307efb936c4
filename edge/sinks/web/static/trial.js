// Try: drop a picture or a short video and see the plates that are read in it.
import { api } from "./api.js";
import { bar, direction, grade, h, icon, percent, plate } from "./dom.js";
import { label, outline } from "./overlay.js";

export function tryPage(main, me) {
  if (!me.can.try || !me.can.correct) {
    main.append(h("p", { class: "empty" }, me.can.try ? "Trying pictures needs the role operator." : "This daemon was started without the page Try."));
    return {};
  }
  const input = h("input", { type: "file", id: "file", accept: "image/jpeg,image/png,image/webp,image/bmp,video/*", class: "hidden-file" });
  const drop = h("label", { for: "file", class: "drop" }, icon("try"), h("strong", {}, "Choose or drop a picture or a short video"), h("span", { class: "soft" }, "It is read on the gate computer and then deleted."));
  const status = h("p", { role: "status", class: "soft" });
  const out = h("div", { class: "split" });
  main.append(h("div", { class: "card" }, drop, input, status), out);
  let address = "";

  async function take(file) {
    if (!file) return;
    URL.revokeObjectURL(address);
    address = URL.createObjectURL(file);
    out.replaceChildren();
    status.replaceChildren(h("span", { class: "spinner", "aria-hidden": "true" }), `Reading ${file.name} …`);
    drop.classList.add("busy");
    const began = performance.now();
    try {
      const tried = await api("try", { method: "POST", body: file });
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      if (!tried.complete && !tried.lines.length) throw new Error("The gate computer is busy and did not finish in time. Try again later, or raise web.try_timeout_s.");
      if (tried.kind === "picture") await showPicture(out, tried, address);
      else showVideo(out, tried, address);
      const found = out.querySelectorAll("[data-found]").length;
      const cut = tried.complete ? "" : " The time limit ended it early: this is what was read until then.";
      status.textContent = `${found ? `${found} ${found > 1 ? "plates" : "plate"}` : "No plate"} in ${file.name}, ${seconds} s.${cut}`;
    } catch (error) {
      status.replaceChildren(h("span", { class: "problem" }, icon("bad"), error.message));
    } finally {
      drop.classList.remove("busy");
      input.value = "";
    }
  }
  input.addEventListener("change", () => take(input.files[0]));
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
  return { close: () => URL.revokeObjectURL(address) };
}

async function showPicture(out, tried, address) {
  const plates = tried.lines.flatMap((line) => line.plates ?? []);
  const image = new Image();
  image.src = address;
  await image.decode();
  const most = 1600;
  const scale = Math.min(1, most / image.naturalWidth);
  const canvas = h("canvas", { role: "img", "aria-label": `Plates: ${plates.map((p) => p.text).join(", ") || "none"}`, width: Math.round(image.naturalWidth * scale), height: Math.round(image.naturalHeight * scale) });
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  for (const found of plates) {
    const points = found.corners.map(([x, y]) => [x * scale, y * scale]);
    outline(context, points, found.probability >= 0.95 ? "#35d488" : "#ffc24b");
    label(context, points, found.text, ` ${Math.floor(100 * found.probability)} %`, canvas.width);
  }
  out.append(h("div", { class: "card" }, h("div", { class: "picture" }, canvas)), h("aside", { class: "card" }, h("h2", {}, "Plates"), plates.length ? h("ol", { class: "found" }, plates.map(result)) : h("p", { class: "empty" }, "None found.")));
}

function result(found) {
  return h(
    "li",
    { "data-found": true },
    h("div", { class: "row" }, plate(found.text, "large"), h("span", { class: grade(found.probability) }, percent(found.probability))),
    h("table", { class: "rivals" }, h("caption", {}, "What else it could be"), h("tbody", {}, (found.alternatives ?? []).map(([text, p], k) => h("tr", {}, h("th", { scope: "row" }, text), h("td", {}, bar(p, k ? "soft" : grade(p), percent(p))), h("td", { class: "number" }, percent(p)))))),
  );
}

function showVideo(out, tried, address) {
  const passages = new Map();
  for (const event of tried.lines) if (event.passage_id && event.type !== "gap") passages.set(event.passage_id, event); // the last one of a passage counts
  const items = [...passages.values()].map((event) =>
    h("li", { "data-found": true }, h("div", { class: "row" }, plate(event.plate?.text, "large"), event.plate ? h("span", { class: grade(event.plate.probability) }, percent(event.plate.probability)) : null, direction(event.direction))),
  );
  out.append(h("div", { class: "card" }, h("video", { src: address, controls: true, muted: true, playsinline: true })), h("aside", { class: "card" }, h("h2", {}, "Passages"), items.length ? h("ol", { class: "found" }, items) : h("p", { class: "empty" }, "No car passed.")));
}
