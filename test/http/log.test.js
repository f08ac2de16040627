// No piece of a body reaches the server's log, whatever is wrong with the
// body.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBody, invalid, malformed, noObjects, organization, password } from './examples.js';
import { startForms } from './forms.js';
import { createPgbeam, readServerLog } from './support.js';

const pgbeam = await createPgbeam('http_log');
const { key } = await pgbeam.createKey({ organization });
const marker = 'marker-in-every-body';

// Settings of a careful operator: errors in full, and slow statements.
// Parameters are not logged, as the pages ask.
for (const setting of ['log_min_messages = debug1', "log_error_verbosity = 'verbose'", 'log_min_error_statement = debug1',
  'log_min_duration_statement = 0', 'log_parameter_max_length = 0', 'log_parameter_max_length_on_error = 0']) {
  await pgbeam.sql(`ALTER DATABASE http_log SET ${setting}`);
}

// Byte for byte, even if it is not UTF-8.
const marked = (body) => Buffer.from(Buffer.from(body).toString('latin1').replace('my', `${marker}-my`), 'latin1');

function bodiesFor(form) {
  const texts = [...noObjects, ...invalid.map(({ body }) => JSON.stringify(body)), JSON.stringify(createBody({ name: `my ${form.name}` }))];
  // In a plain call through PostgREST, PostgreSQL itself makes jsonb from the
  // text, and its error shows a piece of it. The pages warn of that.
  return form.hasPaths ? [...texts, ...Object.values(malformed)] : texts.filter((text) => !text.includes('\\u0000'));
}

const refused = [
  [{ Authorization: key }, 'a credential is refused: Authorization does not begin with "Bearer "'],
  [{ Authorization: 'Basic YTpi' }, 'a credential is refused: Authorization does not begin with "Bearer "'],
  [{ Authorization: `Bearer ${key}x` }, 'an API key is refused: it does not have the form of an API key'],
  [{ 'X-API-Key': `Bearer ${key}` }, 'an API key is refused: it does not have the form of an API key'],
  [{ Authorization: 'Bearer a.b.c' }, 'a token is refused: pgbeam.jwt_issuer is not set'],
];

for (const form of await startForms(pgbeam.name)) {
  // PostgREST itself judges the Authorization of a plain call.
  if (form.hasPaths) test(`why a credential is refused, through ${form.name}`, async () => {
    for (const [headers, reason] of refused) {
      const before = (await readServerLog()).length;
      const answer = await form.call('listRegions', { headers });
      assert.equal(answer.status, 401, answer.body);
      const log = (await readServerLog()).slice(before);
      assert.ok(log.includes(reason), `the log does not tell: ${reason}`);
      for (const word of [key, key.slice(31), 'YTpi']) assert.ok(!log.includes(word), `the log tells ${word}`);
    }
  });

  test(`through ${form.name}`, async () => {
    const before = (await readServerLog()).length;
    for (const body of bodiesFor(form)) await form.call('createProject', { key, body: marked(body) });
    const answer = await form.call('createProject', { key, body: createBody({ name: `${marker}-twice-${form.name}` }) });
    assert.equal(answer.status, 201, answer.body);
    const log = (await readServerLog()).slice(before);
    assert.match(log, /duration: /);
    for (const word of [password, marker, 'canary', key, key.slice(31)]) assert.ok(!log.includes(word), `the log tells ${word}`);
    const hex = Buffer.from(password).toString('hex');
    assert.ok(!log.includes(hex), 'the log tells the password in hexadecimal digits');
  });
}
