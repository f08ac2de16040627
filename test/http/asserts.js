// Assertions about answers.
import assert from 'node:assert/strict';
import { password, words } from './examples.js';

export const jsonHeaders = { 'content-type': 'application/json', 'cache-control': 'private, no-cache' };

export function assertHeaders(answer, headers) {
  for (const [name, value] of Object.entries(headers)) assert.equal(answer.headers[name], value, name);
  assert.match(answer.headers['x-request-id'], /^[A-Za-z0-9._-]{1,128}$/);
}

/**
 * A refusal's body: the member error for older clients, and beside it the
 * problem document for newer ones. Both have the members at fault.
 */
export const refusalBody = (status, code, message, request_id, errors) => ({
  error: { code, message, ...(errors && { errors }) },
  type: `https://pgbeam.com/docs/api/errors/${code.toLowerCase().replaceAll('_', '-')}`,
  title: code[0] + code.slice(1).toLowerCase().replaceAll('_', ' '),
  status, detail: message, code, request_id, ...(errors && { errors }),
});

export function assertRefusal(answer, status, code, message) {
  assert.deepEqual([answer.status, answer.body],
    [status, JSON.stringify(refusalBody(status, code, message, answer.headers['x-request-id']))]);
  assertHeaders(answer, jsonHeaders);
}

/**
 * Problems of members: the first is the message, and errors has all of them.
 */
export function assertProblems(answer, problems) {
  assert.equal(answer.status, 400, answer.body);
  assertHeaders(answer, jsonHeaders);
  const { error } = JSON.parse(answer.body);
  assert.equal(answer.body, JSON.stringify(refusalBody(400, 'INVALID_INPUT', error.errors[0].detail,
    answer.headers['x-request-id'], error.errors)));
  const rules = new Map(problems);
  assert.deepEqual(error.errors.map(({ field }) => field).sort(), [...rules.keys()].sort());
  for (const { field, detail, ...rest } of error.errors) {
    assert.deepEqual(rest, {});
    assert.equal(detail.slice(0, field.length + 1), `${field} `);
    assert.match(detail.slice(field.length + 1), words[rules.get(field)]);
  }
}

export function assertSilent(answer) {
  assert.ok(!JSON.stringify(answer).includes('canary'), 'the answer tells the password');
}

// PostgreSQL itself makes jsonb from the body of a plain call through
// PostgREST, and logs a piece of a body that it refuses. So these bodies have
// another password than the one that all files are searched for.
export const leaky = (text) => typeof text === 'string' ? text.replaceAll(password, 'leaky-password-6Yb2') : text;
