// Runs WeCom's own SDK for bots as it is: its methods are called by lines on standard input; what it returns and what
// it emits goes out as lines on standard output. Bytes travel as {"base64": ...}. Its log goes to standard error.
const { createInterface } = require("readline");
const { WSClient } = require("@wecom/aibot-node-sdk");

const [options, events] = process.argv.slice(2).map((text) => JSON.parse(text));
const log = (...words) => console.error(...words);
const client = new WSClient({ ...options, logger: { debug: log, info: log, warn: log, error: log } });

const plain = (value) => {
  if (value === client || value === undefined) return null;
  if (value instanceof Error) return value.message;
  if (value && Buffer.isBuffer(value.buffer)) return { ...value, buffer: { base64: value.buffer.toString("base64") } };
  return value;
};
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const revive = (_key, value) => (value && value.base64 !== undefined ? Buffer.from(value.base64, "base64") : value);

for (const event of events) client.on(event, (told) => say({ event, told: plain(told) }));

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, method, args } = JSON.parse(line, revive);
  try {
    say({ id, result: plain(await client[method](...args)) });
  } catch (why) {
    say({ id, error: plain(why) });
  }
}).on("close", () => process.exit(0));
