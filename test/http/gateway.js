// A gateway before pgbeam's router: each request becomes one statement, and
// its answer goes back as it is. PG* variables name the database, HOST and PORT
// where to listen; the port is printed, for PORT=0 takes any.
import { randomUUID } from 'node:crypto';
import { METHODS, STATUS_CODES } from 'node:http';
import Fastify from 'fastify';
import pg from 'pg';

const enough = 2 * 1024 * 1024 + 1; // bytes of a body for the router to refuse it
const pool = new pg.Pool({ connectionTimeoutMillis: 5000 });
pool.on('error', (error) => console.error(`idle connection: ${error.code ?? error.message}`));

// Whatever the path and the method, one route takes it, with its body unread.
// Repeated headers are joined: two credentials are none, not the first.
const fastify = Fastify({ rewriteUrl: () => '/', requestTimeout: 30_000, http: { joinDuplicateHeaders: true } });
for (const method of METHODS) fastify.addHttpMethod(method, { hasBody: false, overrideExisting: true });
fastify.route({ method: METHODS, url: '/', exposeHeadRoute: false, handler: answer });

async function answer(request, reply) {
  const { rows: [{ status, headers, body }] } = await pool.query({
    name: 'http',
    text: 'SELECT status, headers, body FROM pgbeam.http($1, $2, $3, $4)',
    values: [request.method, request.originalUrl, JSON.stringify(request.headers), await readBody(request.raw)],
  });
  return reply.code(status).headers(headers).send(body ? Buffer.from(body) : undefined);
}

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

// SQLSTATE PTxyz asks for status xyz; without a server, or one that stops, it
// is 503. The log gets codes, and clients not even these: texts may hold more.
function statusOf(error) {
  if (!(error instanceof pg.DatabaseError) || /^(08|53|57)/.test(error.code)) return 503;
  const asked = /^PT([45]\d\d)$/.exec(error.code)?.[1];
  return asked in STATUS_CODES ? Number(asked) : 500;
}

fastify.setErrorHandler((error, request, reply) => {
  const status = statusOf(error);
  const id = randomUUID();
  console.error(`request ${id}: ${error.code ?? error.message}`);
  const code = status === 500 ? 'INTERNAL_ERROR' : STATUS_CODES[status].toUpperCase().replaceAll(' ', '_');
  const body = JSON.stringify({ error: { code, message: STATUS_CODES[status].toLowerCase() } });
  return reply.code(status).headers({ 'Content-Type': 'application/json', 'X-Request-Id': id }).send(Buffer.from(body));
});

// A wrong database, role or right is told here, not to the first client.
await pool.query("SELECT FROM pgbeam.http('OPTIONS', '/', '{}', NULL)");
await fastify.listen({ host: process.env.HOST ?? '127.0.0.1', port: process.env.PORT ?? 0 });
console.log(fastify.server.address().port);
process.once('SIGTERM', () => fastify.close().then(() => pool.end()));
