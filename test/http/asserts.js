// What answers are held against.
import assert from 'node:assert/strict';
import { password, words } from './examples.js';

export const jsonHeaders = { 'content-type': 'application/json', 'cache-control': 'private, no-cache' };

export function assertHeaders(answer, headers) {
  for (const [name, value] of Object.entries(headers)) assert.equal(answer.headers[name], value, name);
  assert.match(answer.headers['x-request-id'], /^[A-Za-z0-9._-]{1,128}$/);
}

/**
 * A refusal's body: what older clients read in error, and beside it the problem
 * document, which newer ones read; of members at fault in both.
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

/** Problems of members: the first is the message, all stand in errors. */
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

// PostgreSQL itself makes jsonb of what a plain call of PostgREST's is given,
// and logs a piece of what it does not take: with another password than the one
// that is searched for in all files afterwards.
export const leaky = (text) => typeof text === 'string' ? text.replaceAll(password, 'leaky-password-6Yb2') : text;
