// A gateway before pgbeam's router: each request becomes one statement, and
// its answer goes back as it is. PG* variables name the database, HOST and PORT
// where to listen; the port is printed, for PORT=0 takes any.
import { randomUUID } from 'node:crypto';
import { METHODS, STATUS_CODES } from 'node:http';
import Fastify from 'fastify';
import pg from 'pg';

const enough = 2 * 1024 * 1024 + 1; // bytes of a body for the router to refuse it
const retryAfter = '5'; // seconds, as the router says

// What the driver cannot read it throws where nobody listens. Such a
// connection is of no use, and its end ends its query with the error.
class Client extends pg.Client {
  constructor(config) {
    super(config);
    const { connection } = this;
    const guard = () => {
      const { stream } = connection;
      const { emit } = stream;
      stream.emit = (...event) => {
        try {
          return emit.apply(stream, event);
        } catch (error) {
          stream.destroy(error);
          return true;
        }
      };
    };
    guard();
    connection.on('sslconnect', guard);
  }
}

// The pool throws a connection away with whose statement failed, for nobody
// knows what state it is in (25P02).
const pool = new pg.Pool({ Client, connectionTimeoutMillis: 5000 });
pool.on('error', (error) => console.error(`idle connection: ${error.code ?? error.message}`));

// Whatever the path and the method, one route takes it, with its body unread.
// Repeated headers are joined: two credentials are none, not the first.
const fastify = Fastify({
  rewriteUrl: () => '/',
  requestTimeout: 30_000,
  http: { joinDuplicateHeaders: true, requireHostHeader: false },
  clientErrorHandler: refuseUnreadable,
});
for (const method of METHODS) fastify.addHttpMethod(method, { hasBody: false, overrideExisting: true });
fastify.route({ method: METHODS, url: '/', exposeHeadRoute: false, handler: answer });

async function answer({ method, originalUrl, headers: given, raw }, reply) {
  if (raw.httpVersion === '1.1' && given.host === undefined) throw Object.assign(new Error('no Host'), { status: 400 });
  const { rows: [{ status, headers, body }] } = await pool.query({
    name: 'http',
    text: `SELECT status, headers, pg_catalog.convert_to(body, 'UTF8') AS body FROM pgbeam.http($1, $2, $3, $4)`,
    values: [method, withoutAuthority(originalUrl), JSON.stringify(given), await readBody(raw)],
  });
  return reply.code(status).headers(headers).send(body.length ? body : undefined);
}

// A proxy may name scheme and host (RFC 9112, 3.2.2); the router has one host.
const withoutAuthority = (target) => target.replace(/^https?:\/\/[^/?#]*(?=(.?))/i, (_, next) => next === '/' ? '' : '/');

function readBody(stream) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    let length = 0;
    stream.on('data', (chunk) => {
      if (length < enough) chunks.push(chunk);
      length += chunk.length;
    });
    stream.on('end', () => resolve(length ? Buffer.concat(chunks) : null));
    stream.on('error', reject);
  });
}

// SQLSTATE PTxyz asks for status xyz. What passes by itself is 503: no server,
// one that stops or is read-only, a lock, a transaction that lost.
function statusOf(error) {
  if (error.status) return error.status;
  if (!(error instanceof pg.DatabaseError)) return /^(ERR|FST)_/.test(error.code) ? 500 : 503;
  if (/^(08|40|53|57)|^(25006|25P02|55P03)$/.test(error.code)) return 503;
  const asked = /^PT([45]\d\d)$/.exec(error.code)?.[1];
  return asked in STATUS_CODES ? Number(asked) : 500;
}

const codes = { 400: 'INVALID_INPUT', 413: 'PAYLOAD_TOO_LARGE', 429: 'RATE_LIMITED', 500: 'INTERNAL_ERROR' };
const messages = { 400: 'the request cannot be read' };

// A refusal as the router's are: the envelope and the problem document (RFC
// 9457) in one, or that alone for who asks for it. The log gets the SQLSTATE,
// and clients not even that: texts may hold more.
function refuse(error, status, given = {}) {
  const id = /^[\w.-]{1,128}$/.test(given['x-request-id'] ?? '') ? given['x-request-id'] : randomUUID();
  if (status >= 500) console.error(`request ${id}: ${error.code ?? error.message}`);
  const code = codes[status] ?? STATUS_CODES[status].toUpperCase().replaceAll(/\W/g, '_');
  const message = messages[status] ?? STATUS_CODES[status].toLowerCase();
  const wantsDocument = /application\/problem\+json/i.test(given.accept);
  const body = {
    ...(!wantsDocument && { error: { code, message } }),
    type: `https://pgbeam.com/docs/api/errors/${code.toLowerCase().replaceAll('_', '-')}`,
    title: code[0] + code.slice(1).toLowerCase().replaceAll('_', ' '),
    status, detail: message, code, request_id: id,
  };
  const headers = {
    'Content-Type': wantsDocument ? 'application/problem+json' : 'application/json', 'X-Request-Id': id,
    'Cache-Control': 'private, no-cache', ...(status === 503 && { 'Retry-After': retryAfter }),
    ...(status === 400 && { Connection: 'close' }), // what follows cannot be trusted either
  };
  return { headers, body: Buffer.from(JSON.stringify(body)) };
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
}

// A wrong database, role or right is told here, not to the first client.
await pool.query("SELECT FROM pgbeam.http('OPTIONS', '/', '{}', NULL)");
await fastify.listen({ host: process.env.HOST ?? '127.0.0.1', port: process.env.PORT ?? 0 });
fastify.server.on('checkExpectation', (request, response) => fastify.server.emit('request', request, response));
console.log(fastify.server.address().port);
process.once('SIGTERM', () => fastify.close().then(() => pool.end()));
