// The measured client of the proof: `node load.mjs URL REQUESTS-A-SECOND`. Each request is a connection of its own and is
// begun on schedule, however long others take. Prints one JSON line for each: [begun at, ms, outcome], where the outcome is
// the server's name or, after `!`, what went wrong. Ends with its standard input.

import { get } from 'node:http';

process.stdin.on('end', () => process.exit()).resume();

const [url, rate] = process.argv.slice(2);
const pause = 1_000 / Number(rate);
const TIMEOUT_MS = 10_000;
const now = () => performance.timeOrigin + performance.now();

function ask() {
  const at = now();
  let told = false;
  const tell = (outcome) => {
    if (told) return;
    told = true;
    process.stdout.write(
      `${JSON.stringify([Math.round(at), Math.round((now() - at) * 10) / 10, outcome])}\n`,
    );
  };
  const request = get(url, { agent: false, timeout: TIMEOUT_MS }, (response) => {
    let body = '';
    response.on('data', (chunk) => {
      body += chunk;
    });
    response.on('end', () => tell(response.statusCode === 200 ? body : `!${response.statusCode}`));
    response.on('error', (error) => tell(`!${error.code ?? error.message}`));
  });
  request.on('timeout', () => request.destroy(new Error('timeout')));
  request.on('error', (error) => tell(`!${error.code ?? error.message}`));
}

let due = performance.now();
function next() {
  const late = performance.now();
  // After a stall it goes on from now: a burst would measure the client.
  due = Math.max(due + pause, late - pause);
  ask();
  setTimeout(next, Math.max(0, due - performance.now()));
}
next();
