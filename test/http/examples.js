// The documented requests and their answers. Organizations are on plan
// starter.

export const password = 'canary-password-Vq7R2x';

export const organization = 'org_abc123';

/** A createProject body; members of both objects can be replaced. */
export const createBody = (project = {}, database = {}) => ({
  name: 'my-app',
  org_id: organization,
  ...project,
  database: { host: 'db.example.com', port: 5432, name: 'mydb', username: 'pgbeam', password, ...database },
});

// Answers in the documented order of members, with ids and times masked;
// undefined members are left out.
export const project = (given) => ({
  id: 'prj_...',
  org_id: organization,
  name: undefined,
  description: undefined,
  tags: [],
  cloud: 'aws',
  self_hosted: false,
  proxy_host: `${given.name}.aws.pgbeam.app`,
  queries_per_second: 10,
  burst_size: 0,
  max_connections: 20,
  allowed_cidrs: [],
  default_policy_profile_id: undefined,
  residency: undefined,
  agents_disabled: undefined,
  database_count: 1,
  active_connections: 0,
  status: 'active',
  created_at: '...',
  updated_at: '...',
  ...given,
});

export const cache = { enabled: true, ttl_seconds: 60, max_entries: 10000, swr_seconds: 30 };
export const pool = { pool_size: 10, min_pool_size: 1, pool_mode: 'session', max_active: 200 };

export const database = (login, given = {}) => ({
  id: 'db_...',
  project_id: 'prj_...',
  connection_string: `postgresql://${login}`,
  host: 'db.example.com',
  port: 5432,
  name: 'mydb',
  username: 'pgbeam',
  ssl_mode: 'verify-full',
  role: 'primary',
  pool_region: undefined,
  query_timeout_ms: undefined,
  auto_read_routing: undefined,
  cache_config: { ...cache, ...given.cache_config },
  pool_config: { ...pool, ...given.pool_config },
  created_at: '...',
  updated_at: '...',
  ...Object.fromEntries(Object.entries(given).filter(([name]) => !/_config$/.test(name))),
});

const pair = (title, body, projectAnswer, databaseAnswer) =>
  ({ title, body, answer: { project: projectAnswer, database: databaseAnswer } });

const ordersConfigs = {
  cache_config: { ...cache, ttl_seconds: 120 },
  pool_config: { pool_size: 20, min_pool_size: 5, pool_mode: 'transaction', max_active: 200 },
};

export const pairs = [
  pair('the reference page\'s own body',
    createBody({ name: 'string', org_id: 'string' }, { host: 'string', port: 1, name: 'string', username: 'string' }),
    project({ name: 'string', org_id: 'string' }),
    database('string:YOUR_PASSWORD@string.aws.pgbeam.app:5432/string',
      { host: 'string', port: 1, name: 'string', username: 'string' })),
  pair('the least that is needed',
    createBody(),
    project({ name: 'my-app' }),
    database('pgbeam:YOUR_PASSWORD@my-app.aws.pgbeam.app:5432/mydb')),
  pair('every documented member',
    createBody(
      { name: 'orders-eu', description: 'Order service, production', tags: ['production', 'eu'], cloud: 'aws' },
      { host: 'orders.db.example.com', port: 5433, name: 'orders', username: 'orders_app', ssl_mode: 'require',
        role: 'primary', pool_region: 'us-east-1', ...ordersConfigs }),
    project({ name: 'orders-eu', description: 'Order service, production', tags: ['production', 'eu'] }),
    database('orders_app:YOUR_PASSWORD@orders-eu.aws.pgbeam.app:5432/orders',
      { host: 'orders.db.example.com', port: 5433, name: 'orders', username: 'orders_app', ssl_mode: 'require',
        pool_region: 'us-east-1', ...ordersConfigs })),
  pair('configurations in part, as the command line sends them',
    createBody({ name: 'partial' }, { cache_config: { ttl_seconds: 60 }, pool_config: { pool_mode: 'transaction' } }),
    project({ name: 'partial' }),
    database('pgbeam:YOUR_PASSWORD@partial.aws.pgbeam.app:5432/mydb', { pool_config: { pool_mode: 'transaction' } })),
  pair('null for an optional number, as Pulumi sends it',
    createBody({ name: 'from-pulumi' }, { query_timeout_ms: null, auto_read_routing: false }),
    project({ name: 'from-pulumi' }),
    database('pgbeam:YOUR_PASSWORD@from-pulumi.aws.pgbeam.app:5432/mydb', { auto_read_routing: false })),
  pair('characters that a connection string has to encode',
    createBody({ name: 'esc' }, { name: 'my db/1', username: 'app@corp' }),
    project({ name: 'esc' }),
    database('app%40corp:YOUR_PASSWORD@esc.aws.pgbeam.app:5432/my%20db%2F1',
      { name: 'my db/1', username: 'app@corp' })),
];

// Bodies that break one rule: the member, its value, the rule. The message
// about a member is "<member> <words>", with the words below.
export const words = {
  required: /^is required$/,
  type: /^must be an? (string|integer|boolean|array|object)$/,
  shortest: /^must (not be empty|have at least \d+ characters)$/,
  longest: /^must have at most \d+ (characters|items)$/,
  enum: /^must be one of \w/,
  least: /^must be at least -?\d+$/,
  most: /^must be at most -?\d+$/,
  pattern: /^must not (contain|begin with) /,
  order: /^must not be greater than /,
  network: /^must (be .*(network|address|CIDR)|have a prefix length)/i,
  settable: /^must not be (set to )?deleted$/,
  id: /^must be an id that begins with pol_$/,
};

export const absent = undefined;
const config = (base, member, value) => ({ ...base, [member]: value });

export const projectMembers = [
  ['name', absent, 'required'], ['name', '', 'shortest'], ['name', 'n'.repeat(101), 'longest'],
  ['name', 42, 'type'], ['name', null, 'type'], ['name', ['my-app'], 'type'], ['name', { value: 'my-app' }, 'type'],
  ['name', 'my\0app', 'pattern'],
  ['org_id', absent, 'required'], ['org_id', '', 'shortest'], ['org_id', 7, 'type'], ['org_id', null, 'type'],
  ['org_id', 'org\0x', 'pattern'],
  ['description', 'd'.repeat(501), 'longest'], ['description', 5, 'type'], ['description', { en: 'x' }, 'type'],
  ['tags', Array.from({ length: 11 }, (_, i) => `t${i}`), 'longest'], ['tags', ['ok', 't'.repeat(51)], 'longest', 'tags[1]'],
  ['tags', 'production', 'type'], ['tags', ['a', 1], 'type', 'tags[1]'], ['tags', ['a', null], 'type', 'tags[1]'],
  ['tags', { 0: 'a' }, 'type'],
  ['cloud', 'oracle', 'enum'], ['cloud', 'AWS', 'enum'], ['cloud', '', 'enum'], ['cloud', 1, 'type'],
  ['self_hosted', 'true', 'type'],
];

export const databaseMembers = [
  ['host', absent, 'required'], ['host', '', 'shortest'], ['host', 'db example.com', 'pattern'],
  ['host', 'db.example.com\t', 'pattern'], ['host', 'db.example.com\n', 'pattern'], ['host', 127001, 'type'],
  ['host', 'db\0.example.com', 'pattern'],
  ['port', absent, 'required'], ['port', 0, 'least'], ['port', 65536, 'most'], ['port', -1, 'least'],
  ['port', '5432', 'type'], ['port', 5432.5, 'type'], ['port', null, 'type'], ['port', true, 'type'],
  ['name', absent, 'required'], ['name', '', 'shortest'], ['name', 'my\0db', 'pattern'],
  ['username', absent, 'required'], ['username', '', 'shortest'], ['username', 10, 'type'],
  ['password', absent, 'required'], ['password', '', 'shortest'], ['password', null, 'type'], ['password', 123456, 'type'],
  ['password', `${password}\0`, 'pattern'],
  ['ssl_mode', 'on', 'enum'], ['ssl_mode', 'REQUIRE', 'enum'], ['ssl_mode', ['require'], 'type'], ['ssl_mode', '', 'enum'],
  ['role', 'standby', 'enum'], ['role', '', 'enum'], ['pool_region', 1, 'type'],
  ['query_timeout_ms', -1, 'least'], ['query_timeout_ms', 300001, 'most'], ['query_timeout_ms', '1000', 'type'],
  ['query_timeout_ms', 1.5, 'type'],
  ['auto_read_routing', 'yes', 'type'], ['auto_read_routing', 1, 'type'],
  ['cache_config', [], 'type'], ['pool_config', 'default', 'type'],
  ...[['enabled', 'true', 'type'], ['ttl_seconds', -1, 'least'], ['ttl_seconds', 86401, 'most'], ['ttl_seconds', '60', 'type'],
    ['max_entries', 1000001, 'most'], ['swr_seconds', 86401, 'most']]
    .map(([member, value, rule]) => ['cache_config', config(cache, member, value), rule, `cache_config.${member}`]),
  ...[['pool_size', 0, 'least'], ['pool_size', 10001, 'most'], ['min_pool_size', 0, 'least'], ['pool_mode', 'tx', 'enum'],
    ['pool_mode', '', 'enum'],
    ['max_active', 0, 'least'], ['max_active', 10001, 'most'], ['min_pool_size', 11, 'order']]
    .map(([member, value, rule]) => ['pool_config', config(pool, member, value), rule, `pool_config.${member}`]),
];

export const broken = (title, body, ...problems) => ({ title: `${title}: ${problems.map(([, rule]) => rule)}`, body, problems });

/** Bodies that are JSON objects, with every [member, rule] that they break. */
export const invalid = [
  broken('{}', {}, ['name', 'required'], ['org_id', 'required'], ['database', 'required']),
  ...[absent, null, [], 'postgres://u:p@h/db'].map((value) =>
    broken(`database ${JSON.stringify(value)}`, { ...createBody(), database: value },
      ['database', value === absent ? 'required' : 'type'])),
  ...projectMembers.map(([member, value, rule, field = member]) =>
    broken(field, createBody({ [member]: value }), [field, rule])),
  ...databaseMembers.map(([member, value, rule, field = member]) =>
    broken(`database.${field}`, createBody({}, { [member]: value }), [`database.${field}`, rule])),
];

const sound = JSON.stringify(createBody());

/**
 * The same body in other spellings: a piece of the text, and its replacement.
 */
export const respelled = {
  'integers as other numbers': ['5432', '543200e-2'],
  'many zeros': ['5432', `5432.${'0'.repeat(1000)}`],
  'white space': ['{', '\r\n\t { '],
  'escapes': ['"host"', '"\\u0068os\\u0074"'],
  'a name given twice': ['{', '{"name":"first","database":null,'],
  'an unknown member of 64 levels': ['{', `{"more":${'['.repeat(63)}${']'.repeat(63)},`],
  'much that is unknown': ['{', `{"more":[${'0,'.repeat(4_000)}0],"most":"\\ud83d\\ude00${'x'.repeat(1_000_000)}",`],
};

/** JSON that is not an object. */
export const noObjects = ['null', '[]', '"my-app"', 'true', '5', `[${sound}]`];

/** Text that is not JSON, or JSON that is refused. */
export const malformed = {
  'nothing': '',
  'white space': ' \n',
  'cut off': sound.slice(0, -1),
  'a comma too many': sound.replace(/}$/, ',}'),
  'single quotes': sound.replaceAll('"', "'"),
  'NaN': sound.replace('5432', 'NaN'),
  'a leading zero': sound.replace('5432', '05432'),
  'a hexadecimal number': sound.replace('5432', '0x1538'),
  'text behind': `${sound} x`,
  'two documents': `${sound}${sound}`,
  'a comment': sound.replace('{', '{/* c */'),
  'a bare name': sound.replace('"name"', 'name'),
  'a line break in a string': sound.replace('my-app', 'my\napp'),
  'an unknown escape': sound.replace('my-app', '\\x41'),
  'a byte order mark': `\uFEFF${sound}`,
  'a NUL byte': sound.replace('my-app', 'my\0app'),
  'a NUL byte behind': `${sound}\0`,
  'invalid UTF-8': Buffer.from(sound.replace('my-app', 'my\xFFapp'), 'latin1'),
  'an overlong slash': Buffer.from(sound.replace('my-app', 'my\xC0\xAFapp'), 'latin1'),
  'a surrogate in UTF-8': Buffer.from(sound.replace('my-app', '\xED\xA0\x80'), 'latin1'),
  'UTF-16': Buffer.from(sound, 'utf16le'),
  'half a surrogate pair': sound.replace('my-app', '\\ud800'),
  'the other half': sound.replace('my-app', '\\udc00'),
  'NUL as a member\'s name': sound.replace('{', '{"\\u0000":1,'),
  'half a pair in a member\'s name': sound.replace('{', '{"a":1,"\\ud800":1,'),
  'nested too deep': sound.replace('{', `{"more":${'['.repeat(64)}${']'.repeat(64)},`),
  'nested absurdly': '['.repeat(1_000_000),
  'nested absurdly in objects': '{"a":'.repeat(200_000),
  'a number with 200000 digits': sound.replace('5432', '9'.repeat(200_000)),
  'an exponent of 200000': sound.replace('5432', '1e200000'),
  'an exponent of 10^20': sound.replace('5432', '1e100000000000000000000'),
  'a small number with an exponent of 200000': sound.replace('5432', '1e-200000'),
};
