// Draws a frame of the live view and what was seen in it on a canvas, sharp on every screen.
const LABEL = 15;

export class View {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.busy = false;
  }

  async show(frame) {
    if (this.busy) return; // the newest picture wins
    this.busy = true;
    try {
      const binary = Uint8Array.from(atob(frame.jpeg), (c) => c.charCodeAt(0));
      const picture = await createImageBitmap(new Blob([binary], { type: "image/jpeg" }));
      this.draw(picture, frame);
      picture.close();
    } finally {
      this.busy = false;
    }
  }

  draw(picture, frame) {
    const width = this.canvas.clientWidth * devicePixelRatio;
    const height = (width * frame.height) / frame.width;
    if (Math.abs(this.canvas.width - width) > 1 || Math.abs(this.canvas.height - height) > 1) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.context.drawImage(picture, 0, 0, width, height);
    const surestLast = [...frame.vehicles].sort((a, b) => (a.probability ?? 0) - (b.probability ?? 0));
    for (const vehicle of surestLast) this.vehicle(vehicle, width / frame.width);
    const seen = frame.vehicles.map((v) => v.masked || "a plate not read yet").join(", ");
    const label = `${frame.camera}: ${seen || "no plate in view"}`;
    if (this.canvas.getAttribute("aria-label") !== label) this.canvas.setAttribute("aria-label", label);
  }

  vehicle(vehicle, scale) {
    const c = this.context;
    const points = vehicle.quad.map(([x, y]) => [x * scale, y * scale]);
    const sure = vehicle.probability >= 0.95;
    outline(c, points, vehicle.predicted ? "#c9d3cd" : sure ? "#35d488" : "#ffc24b", vehicle.predicted);
    const text = vehicle.masked || vehicle.text;
    const note = text ? ` ${Math.floor(100 * vehicle.probability)} %` : "reading …";
    label(c, points, text, note, this.canvas.width);
  }
}

export function outline(c, points, colour, dashed = false) {
  c.save();
  c.beginPath();
  points.forEach(([x, y], k) => (k ? c.lineTo(x, y) : c.moveTo(x, y)));
  c.closePath();
  c.setLineDash(dashed ? [6 * devicePixelRatio, 5 * devicePixelRatio] : []);
  c.lineJoin = "round";
  c.lineWidth = 4.5 * devicePixelRatio;
  c.strokeStyle = "rgb(0 0 0 / 55%)";
  c.stroke();
  c.lineWidth = 2.2 * devicePixelRatio;
  c.strokeStyle = colour;
  c.stroke();
  c.restore();
}

export function label(c, points, text, note, right) {
  const size = LABEL * devicePixelRatio;
  c.font = `700 ${size}px system-ui, sans-serif`;
  const bold = c.measureText(text).width;
  c.font = `500 ${size * 0.85}px system-ui, sans-serif`;
  const width = bold + c.measureText(note).width + size;
  const left = Math.max(2, Math.min(Math.min(...points.map((p) => p[0])), right - width - 2));
  const top = Math.min(...points.map((p) => p[1])) - size * 1.9;
  const y = top < 2 ? Math.max(...points.map((p) => p[1])) + size * 0.4 : top;
  c.fillStyle = "rgb(14 19 17 / 86%)";
  c.beginPath();
  c.roundRect(left, y, width, size * 1.6, size * 0.3);
  c.fill();
  c.textBaseline = "middle";
  c.fillStyle = "#fff";
  c.font = `700 ${size}px system-ui, sans-serif`;
  c.fillText(text, left + size * 0.5, y + size * 0.84);
  c.fillStyle = "#c9d3cd";
  c.font = `500 ${size * 0.85}px system-ui, sans-serif`;
  c.fillText(note, left + size * 0.5 + bold, y + size * 0.84);
}
