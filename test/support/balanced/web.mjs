// One web server of the proof: `node web.mjs ADDRESS PORT NAME`. Each answer names it and takes a few milliseconds. Ends with
// its standard input.

import { createServer } from 'node:http';

process.stdin.on('end', () => process.exit()).resume();

const [address, port, name] = process.argv.slice(2);
const server = createServer((_request, response) => setTimeout(() => response.end(name), 3));
// Longer than haproxy keeps an idle connection: else one is closed while a request is on its way, and that is lost.
server.keepAliveTimeout = 75_000;
server.listen(Number(port), address, () => process.stdout.write('ready\n'));
