// A gateway before pgbeam's router: each request becomes one statement, and
// its answer goes back as it is. README.md one folder up lists the
// variables that it obeys.
import { once } from 'node:events';
import { createServer, STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import { isIP, Server } from 'node:net';
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

// Node's own server: the router has the paths and the methods, so there is
// nothing for a framework to do; one cost 7 % of the creates a second.
// Repeated headers are joined: two credentials are none, not the first.
const server = createServer({
  requestTimeout: 30_000,
  keepAliveTimeout: 72_000, // longer than proxies keep theirs, or they would send into a closing one
  joinDuplicateHeaders: true,
  requireHostHeader: false,
});
for (const event of ['request', 'checkExpectation']) server.on(event, serve);
server.on('checkContinue', goOn);
server.on('clientError', refuseUnreadable);
server.on('connection', keep);

async function serve(request, response) {
  if (!server.listening) response.setHeader('Connection', 'close');
  try {
    send(request, response, await answer(request, response));
  } catch (error) {
    const status = statusOf(error);
    send(request, response, { status, ...refuse(error, status, request.headers) });
  }
}

// A client that waits for leave to send its body gets it, but not in the middle
// of an answer to what it has sent before.
function goOn(request, response) {
  if (response.socket) response.writeContinue();
  return serve(request, response);
}

async function answer(request, response) {
  const { method, url, headers: given, socket } = request;
  const open = connections.get(socket) ?? gone;
  const address = addressOf(socket, given);
  const isHealth = url === healthPath && /^(GET|HEAD)$/.test(method);
  watch(open, request, response, settings.ACCESS_LOG && !isHealth ? logger(address, request, response) : () => {});
  if (isHealth) return askHealth();
  if (open.unanswered.size > atOnce) throw Object.assign(new Error('too many at once'), { status: 429 });
  open.isRefused ||= request.httpVersion === '1.1' && given.host === undefined; // and so is what follows
  if (open.isRefused || address === '') throw Object.assign(new Error('no Host, or no client any more'), { status: 400 });
  given[addressHeader] = address;
  return database.callRouter(method, withoutAuthority(url), JSON.stringify(given), await readBody(request));
}

// Connections, and what each has not been answered. Nothing else stops a client
// who sends one request after the other without waiting for answers: they would
// have every connection to the database.
const connections = new Map();

const gone = { unanswered: new Map(), isRefused: true }; // closed before its request came here

function keep(socket) {
  const unanswered = new Map();
  connections.set(socket, { unanswered, isRefused: false });
  socket.once('close', () => {
    connections.delete(socket);
    for (const done of unanswered.keys()) if (unanswered.delete(done)) done();
  });
}

// Calls done once, when the answer is with the client or they have gone. Of
// those that wait behind another answer the response does not tell the latter.
function watch(open, request, response, done) {
  open.unanswered.set(done, request);
  response.once('close', () => {
    if (open.unanswered.delete(done)) done();
    if (open.isAtEnd && open.unanswered.size === 0) request.socket.destroySoon();
  });
}

// Of a status below 200 a client would wait for more. The length is told, as
// HTTP/1.0 knows no chunks, but where an answer has no content by its kind. Then
// headers are judged first, for Node keeps that kind also for a refusal of them.
// Headers are Latin 1. A body of ASCII goes out with them in one text, any other
// one as its bytes.
function send({ method }, response, { status, headers, body }) {
  const content = body ?? '';
  const length = Buffer.byteLength(content);
  const hasLength = status !== 204 && status !== 304 && (method !== 'HEAD' || length > 0);
  if (!(status >= 200 && status < 600)) throw Object.assign(new Error('no status'), { status: 500 });
  if (!hasLength) judge(headers);
  response.requestId = headers['X-Request-Id']; // for the access log
  response.writeHead(status, STATUS_CODES[status], hasLength ? { ...headers, 'Content-Length': length } : headers);
  response.end(length === content.length ? content : Buffer.from(content), 'latin1');
}

function judge(headers) {
  for (const name in headers) {
    validateHeaderName(name);
    validateHeaderValue(name, headers[name]);
  }
}

// The router's own word, for whoever shares out the load: a second old at most,
// charged to no address, and not logged.
let health;
function askHealth() {
  health ??= database.callRouter('GET', '/v1/health', '{}', null)
    .finally(() => setTimeout(() => { health = undefined; }, 1000).unref());
  return health;
}

// A client cannot choose it: what they send counts only from a proxy that is
// trusted to have set it.
function addressOf({ remoteAddress = '' }, given) {
  const peer = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
  const told = given[addressHeader];
  return told !== undefined && isIP(told) && isIP(peer) && settings.TRUSTED_PROXIES.check(peer, `ipv${isIP(peer)}`) ? told : peer;
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
// them, and in a path nothing that looks like an API key, however it is spelt.
const spell = (escape, hex) => /[\w.~-]/.test(String.fromCharCode(`0x${hex}`)) ? String.fromCharCode(`0x${hex}`) : escape;
function log(address, method, target, status, started, id) {
  const path = target.replace(/^[^/?#]*:\/\/[^/?#]*/, '').replace(/[?#].*/s, '').replaceAll(/%([2-7][\da-f])/gi, spell)
    .replaceAll(/(pb[ou]_[0-9a-z]+)_[0-9a-z]+/gi, '$1_...');
  const seconds = ((performance.now() - started) / 1000).toFixed(3);
  process.stdout.write(`${new Date().toISOString()} ${address || '-'} ${method} ${path} ${status} ${seconds} ${id}\n`);
}

// Who has gone before the answer was theirs gets none: 499, as nginx has it.
function logger(address, { method, url, socket }, response) {
  const started = performance.now();
  let isSent = false;
  response.once('finish', () => { isSent = true; }); // also where the last write failed
  return () => log(address, method, url, isSent && !socket.errored ? response.statusCode : 499, started, response.requestId ?? '-');
}

// What is no HTTP, or too much of it, never becomes a request. It is no answer to
// the requests before it: those have theirs, and then the connection ends.
function refuseUnreadable(error, socket) {
  if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy();
  const open = connections.get(socket) ?? gone;
  open.isAtEnd = open.unanswered.size > 0 && [...open.unanswered.values()].every(({ complete }) => complete);
  if (open.isAtEnd) return;
  const status = { HPE_HEADER_OVERFLOW: 431, HPE_CHUNK_EXTENSIONS_OVERFLOW: 413, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code] ?? 400;
  const { headers, body } = refuse(error, status);
  const lines = Object.entries({ ...headers, 'Content-Length': body.length, Connection: 'close' }).map((pair) => pair.join(': '));
  socket.write([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'));
  socket.destroySoon();
  if (settings.ACCESS_LOG) log(addressOf(socket, {}), '-', '-', status, performance.now(), headers['X-Request-Id']);
}

server.listen(settings.PORT, settings.HOST);
await once(server, 'listening').catch(fail);
const { address, family, port } = server.address();
// Not once(): the same signal again would then end it in the middle of an answer.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop);
console.log(`listening on http://${family === 'IPv6' ? `[${address}]` : address}:${port}`);

// What came in time is answered; then its connection is not kept any longer.
// http's own close() would cut off answers that are being written, and wait for
// ever for connections that send nothing.
function stop() {
  if (!server.listening) return;
  server.keepAliveTimeout = 1; // ms
  Server.prototype.close.call(server, database.end);
  for (const [socket, { unanswered }] of connections) if (unanswered.size === 0) socket.destroySoon();
  setTimeout(giveUp, 1000 * (settings.QUERY_TIMEOUT + 5)).unref();
}

// A client may read no answer, and a database that hangs ends no connection.
function giveUp() {
  server.closeAllConnections();
  setTimeout(fail, 1000, new Error('the database does not end its connections')).unref();
}
