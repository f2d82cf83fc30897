// node _xterm.js SECONDS NAME=FILE…: bytes per second that @xterm/headless takes, as JSON.
const fs = require("fs");
const { Terminal } = require("@xterm/headless");
const seconds = parseFloat(process.argv[2]);
const CHUNK = 65536;

// Several chunks are queued at a time, as a program that reads a pty does it.
async function rate(data) {
  const terminal = new Terminal({ cols: 80, rows: 24, scrollback: 10000, allowProposedApi: true });
  const begin = process.hrtime.bigint();
  let bytes = 0;
  let elapsed = 0;
  while (elapsed < seconds) {
    const writes = [];
    for (let count = 0; count < 8; count++) {
      const at = bytes % data.length;
      const chunk = data.subarray(at, Math.min(at + CHUNK, data.length));
      bytes += chunk.length;
      writes.push(new Promise((resolve) => terminal.write(chunk, resolve)));
    }
    await Promise.all(writes);
    elapsed = Number(process.hrtime.bigint() - begin) / 1e9;
  }
  terminal.dispose();
  return bytes / elapsed;
}

(async () => {
  const rates = {};
  for (const argument of process.argv.slice(3)) {
    const at = argument.indexOf("=");
    rates[argument.slice(0, at)] = await rate(fs.readFileSync(argument.slice(at + 1)));
  }
  console.log(JSON.stringify(rates));
})();
