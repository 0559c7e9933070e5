// A receiver of webhooks as a CRM developer writes it: verifies with the library of Standard Webhooks, keeps a line each.
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const [port, secret, file, slow] = process.argv.slice(2);
const webhook = new Webhook(secret);
const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    let genuine = true;
    let event = {};
    try {
      event = webhook.verify(Buffer.concat(parts).toString(), request.headers);
    } catch {
      genuine = false;
    }
    const { id, thread } = event.data ?? {};
    const line = { webhook: request.headers["webhook-id"], type: event.type, id, thread, genuine };
    appendFileSync(file, JSON.stringify(line) + "\n");
    if (slow !== "hang") response.writeHead(genuine ? 204 : 401).end();
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log("listening"));
