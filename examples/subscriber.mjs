// Receive gate events: each once, in order per lane, and know when one is missing.
//   npm install mqtt
//   node subscriber.mjs HOST [PORT]     # PORT: 1883
// What arrived while this program was away is delivered when it comes back (persistent session). A backend keeps
// `seen` and `last` in its database, in the same transaction as the event; then it has every event exactly once.
import mqtt from "mqtt";

const seen = new Set(); // event ids; a database would keep those of the last days
const last = new Map(); // lane -> highest number so far

function take(event) {
  const lane = `${event.site}/${event.lane}`, number = event.sequence;
  if (seen.has(event.event_id)) return; // delivered again: at-least-once
  seen.add(event.event_id);
  const expected = (last.get(lane) ?? number - 1) + 1;
  if (event.type === "gap") {
    const d = event.details;
    if (d.restarted) {
      last.set(lane, 0);
      console.log(`RESTARTED ${lane}: ${d.reason}`);
    } else if (d.last_sequence >= expected)
      console.log(`LOST ${lane} ${Math.max(expected, d.first_sequence)}-${d.last_sequence}: ${d.reason}`);
  } else {
    if (number > expected) console.log(`MISSING ${lane} ${expected}-${number - 1}`); // see: anpr-edge outbox list
    console.log(`EVENT ${lane} ${number} ${event.type} ${event.direction} ${event.plate?.text ?? "-"}`);
  }
  last.set(lane, Math.max(last.get(lane) ?? 0, number));
}

const [host, port = "1883"] = process.argv.slice(2);
const client = mqtt.connect({
  host, port: Number(port), protocolVersion: 5, clientId: "anpr-backend", clean: false,
  properties: { sessionExpiryInterval: 7 * 86400 },
});
client.on("connect", () => client.subscribe("anpr/+/+/events", { qos: 1 }, () => console.log("READY")));
client.on("error", (error) => console.error(`ERROR ${error.message}`));
client.handleMessage = (packet, done) => { // the broker may forget the message only after done()
  take(JSON.parse(packet.payload));
  done();
};
