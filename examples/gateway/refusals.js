// What the gateway refuses by itself, in the API's words.
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import pg from 'pg';

const retryAfter = '5'; // seconds, as the router says

// SQLSTATE PTxyz asks for status xyz. What passes by itself is 503: no server,
// one that stops or is read-only, a lock, a transaction that lost.
export function statusOf(error) {
  if (error.status) return error.status;
  if (!(error instanceof pg.DatabaseError)) return /^ERR_/.test(error.code) ? 500 : 503;
  if (/^(08|40|53|57)|^(25006|25P02|55P03)$/.test(error.code)) return 503;
  const asked = /^PT([45]\d\d)$/.exec(error.code)?.[1];
  return asked in STATUS_CODES ? Number(asked) : 500;
}

const codes = { 400: 'INVALID_INPUT', 413: 'PAYLOAD_TOO_LARGE', 429: 'RATE_LIMITED', 500: 'INTERNAL_ERROR' };
const messages = { 400: 'the request cannot be read' };

// A refusal as the router's are: the envelope and the problem document (RFC
// 9457) in one, or that alone for a client that asks for it. The log gets the
// SQLSTATE, and clients not even that: texts may hold more.
export function refuse(error, status, given = {}) {
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
    'Cache-Control': 'private, no-cache', ...([429, 503].includes(status) && { 'Retry-After': retryAfter }),
    ...(status === 400 && { Connection: 'close' }), // what follows cannot be trusted either
  };
  return { headers, body: Buffer.from(JSON.stringify(body)) };
}

