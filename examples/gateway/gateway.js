// A gateway before pgbeam's router: each request becomes one statement, and
// its answer goes back as it is. README.md one folder up lists the
// variables that it obeys.
import { METHODS, STATUS_CODES } from 'node:http';
import { isIP } from 'node:net';
import Fastify from 'fastify';
import { openDatabase } from './database.js';
import { refuse, statusOf } from './refusals.js';
import { readSettings } from './settings.js';
import { readTarget } from './target.js';

const enough = 2 * 1024 * 1024 + 1; // bytes of a body for the router to refuse it
const atOnce = 10; // requests of a connection: each keeps an answer in memory until it is read
const healthPath = '/-/health'; // no path of the API begins so
const addressHeader = 'x-real-ip'; // for pgbeam.address_header = 'X-Real-IP'

const fail = (error) => {
  console.error(`pgbeam gateway: ${error.message.replaceAll(/\s+/g, ' ')}`);
  process.exit(1);
};

// Who reads the output may go; the gateway stays.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

let settings, database;
try {
  settings = readSettings(process.env);
  database = await openDatabase(readTarget(process.env), settings);
} catch (error) {
  fail(error);
}

// Whatever the path and the method, one route takes it, with its body unread.
// Repeated headers are joined: two credentials are none, not the first.
const fastify = Fastify({
  rewriteUrl: ({ method, url }) => url === healthPath && /^(GET|HEAD)$/.test(method) ? url : '/',
  requestTimeout: 30_000,
  return503OnClosing: false, // a request that came in time is served
  http: { joinDuplicateHeaders: true, requireHostHeader: false },
  clientErrorHandler: refuseUnreadable,
});
for (const method of METHODS) fastify.addHttpMethod(method, { hasBody: false, overrideExisting: true });
fastify.route({ method: METHODS, url: '/', exposeHeadRoute: false, handler: answer });
fastify.get(healthPath, answerHealth);

async function answer({ method, originalUrl, headers: given, raw }, reply) {
  const address = addressOf(raw.socket, given);
  if (settings.ACCESS_LOG) logWhenDone(address, method, originalUrl, reply);
  if (countUntilDone(raw.socket, reply) > atOnce) throw Object.assign(new Error('too many at once'), { status: 429 });
  if (raw.httpVersion === '1.1' && given.host === undefined) throw Object.assign(new Error('no Host'), { status: 400 });
  if (address === '') throw Object.assign(new Error('no client any more'), { status: 400 }); // uncounted otherwise
  given[addressHeader] = address;
  return send(reply, await database.callRouter(method, withoutAuthority(originalUrl), JSON.stringify(given), await readBody(raw)));
}

// Nothing else stops a client who sends one request after the other without
// waiting for answers: they would have every connection to the database.
const unanswered = new WeakMap();
function countUntilDone(socket, reply) {
  const change = (by) => unanswered.set(socket, (unanswered.get(socket) ?? 0) + by).get(socket);
  reply.raw.once('close', () => change(-1));
  return change(1);
}

// Of a status below 200 a client would wait for more.
function send(reply, { status, headers, body }) {
  if (!(status >= 200)) throw Object.assign(new Error('no status'), { status: 500 });
  return reply.code(status).headers(headers).send(body.length ? body : undefined);
}

// The router's own word, for whoever shares out the load: a second old at most,
// charged to no address, and not logged.
let health;
async function answerHealth(request, reply) {
  health ??= database.callRouter('GET', '/v1/health', '{}', null)
    .finally(() => setTimeout(() => { health = undefined; }, 1000).unref());
  return send(reply, await health);
}

// A client cannot choose it: what they send counts only from a proxy that is
// trusted to have set it.
function addressOf({ remoteAddress = '' }, given) {
  const peer = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
  const told = given[addressHeader];
  return isIP(told) && isIP(peer) && settings.TRUSTED_PROXIES.check(peer, `ipv${isIP(peer)}`) ? told : peer;
}

// A proxy may name scheme and host (RFC 9112, 3.2.2); the router has one host.
const withoutAuthority = (target) => target.replace(/^https?:\/\/[^/?#]*(?=(.?))/i, (_, next) => next === '/' ? '' : '/');

// The pieces are copied, for each by itself takes hundreds of bytes, even where
// it is one byte.
function readBody(stream) {
  return new Promise((resolve, reject) => {
    let body = Buffer.alloc(0); // may have room for more
    let length = 0;
    stream.on('data', (piece) => {
      if (length >= enough) return;
      if (length + piece.length > body.length) body = Buffer.concat([body], Math.max(2 * body.length, length + piece.length));
      length += piece.copy(body, length);
    });
    stream.on('end', () => resolve(length ? body.subarray(0, length) : null));
    stream.on('error', reject);
  });
}

// The access log: neither a query nor a header, for there may be secrets in
// them, and in a path nothing that looks like an API key.
function log(address, method, target, status, started, id) {
  const path = withoutAuthority(target).replace(/[?#].*/s, '').replaceAll(/(pb[ou]_[0-9a-z]+)_[0-9a-z]+/gi, '$1_...');
  const seconds = ((performance.now() - started) / 1000).toFixed(3);
  process.stdout.write(`${new Date().toISOString()} ${address || '-'} ${method} ${path} ${status} ${seconds} ${id}\n`);
}

// Who has gone before the answer gets none: 499, as nginx has it.
function logWhenDone(address, method, target, reply) {
  const started = performance.now();
  reply.raw.once('close', () => {
    const status = reply.raw.writableFinished ? reply.statusCode : 499;
    log(address, method, target, status, started, reply.getHeader('x-request-id') ?? '-');
  });
}

fastify.setErrorHandler((error, request, reply) => {
  const status = statusOf(error);
  const { headers, body } = refuse(error, status, request.headers);
  return reply.code(status).headers(headers).send(body);
});

// What is no HTTP, or too much of it, never becomes a request.
function refuseUnreadable(error, socket) {
  if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy();
  const status = { HPE_HEADER_OVERFLOW: 431, HPE_CHUNK_EXTENSIONS_OVERFLOW: 413, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code] ?? 400;
  const { headers, body } = refuse(error, status);
  const lines = Object.entries({ ...headers, 'Content-Length': body.length, Connection: 'close' }).map((pair) => pair.join(': '));
  socket.write([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'));
  socket.destroySoon();
  if (settings.ACCESS_LOG) log(addressOf(socket, {}), '-', '-', status, performance.now(), headers['X-Request-Id']);
}

fastify.server.on('checkExpectation', (request, response) => fastify.server.emit('request', request, response));
await fastify.listen({ host: settings.HOST, port: settings.PORT }).catch(fail);
const { address, family, port } = fastify.server.address();
console.log(`listening on http://${family === 'IPv6' ? `[${address}]` : address}:${port}`);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => fastify.close().then(database.end));
