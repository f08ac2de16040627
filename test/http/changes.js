// Updates: the effect of bodies on a project or a database with a value of its
// own for every member, and bodies that are refused.
import { absent, broken, cache, databaseMembers, password, pool, projectMembers } from './examples.js';

const policy = 'pol_01h455vb4pex5vsknk084sn02q';
const networks = [{ cidr: '10.0.0.0/8', label: 'VPC' }, { cidr: '::1' }];

/** The body of the create, and then the body of the update. */
export const projectBefore = {
  created: { description: 'Order service', tags: ['a', 'b'] },
  changed: { allowed_cidrs: networks, default_policy_profile_id: policy, residency: 'eu', agents_disabled: true },
};

export const databaseBefore = {
  host: 'orders.db.example.com', port: 5433, name: 'orders', username: 'orders_app', ssl_mode: 'require', role: 'replica',
  pool_region: 'us-east-1', query_timeout_ms: 5000, auto_read_routing: true,
  cache_config: { enabled: false, ttl_seconds: 10, max_entries: 20, swr_seconds: 5 },
  pool_config: { pool_size: 20, min_pool_size: 5, pool_mode: 'transaction', max_active: 100 },
};

// The new value of a member; the same value if it stays.
const become = (member, given, then = given) =>
  ({ title: `${member} ${JSON.stringify(given)}`.slice(0, 90), body: { [member]: given }, then: { [member]: then } });
const resets = (member, given) => ({ ...become(member, given), then: { [member]: absent } });
const stays = (title, body) => ({ title, body, then: {} });

const emoji = '\u{1F600}';
const spelled = ['2001:DB8::/32', '10.1.2.3/8', '198.51.100.42', '::ffff:10.0.0.1', '0.0.0.0/0', '::/0',
  '2001:0db8:0000:0000:0000:0000:0000:0001'];

export const projectChanges = [
  stays('nothing', {}),
  stays('the same of everything', { name: 'my-app', ...projectBefore.created, ...projectBefore.changed, status: 'active' }),
  stays('what cannot be changed, or is no member', {
    id: 'prj_01h455vb4pex5vsknk084sn02q', org_id: 'other', cloud: 'gcp', self_hosted: true, proxy_host: 'x',
      queries_per_second: 5,
    burst_size: 1, max_connections: 1, database_count: 7, active_connections: 7, created_at: '2020-01-01T00:00:00Z',
    updated_at: '2020-01-01T00:00:00Z', deleted_at: '2020-01-01T00:00:00Z', pool_mode: 'statement', database: { host: '' },
      more: {},
  }),
  stays('what cannot be changed, of any type', { org_id: null, cloud: 5, self_hosted: 'yes', database: null,
    queries_per_second: '' }),
  become('name', 'my-app-2'), become('name', 'n'.repeat(100)), become('name', emoji.repeat(100)), become('name', 'My-App'),
    become('name', ' my-app '),
  become('description', 'Other'), become('description', ''.padEnd(500, 'd')), become('description', emoji.repeat(500)),
  resets('description', ''), resets('description', null),
  become('tags', ['b']), become('tags', ['b', 'a']), become('tags', ['a', 'a']), become('tags', ['']), become('tags', []),
  become('tags', null, []), become('tags', Array(10).fill(emoji.repeat(50))), become('tags', ['a,"b"\\{}', 'NULL', 'null']),
  become('allowed_cidrs', []), become('allowed_cidrs', null, []),
  become('allowed_cidrs', [{ cidr: '203.0.113.0/24', label: 'Office' }, { cidr: '198.51.100.42' },
    { cidr: '2001:db8::/32', label: 'IPv6 range' }]),
  become('allowed_cidrs', spelled.map((cidr) => ({ cidr }))),
  become('allowed_cidrs', [{ cidr: '10.0.0.0/8' }, { cidr: '::1' }]),
  become('allowed_cidrs', [...networks].reverse()), become('allowed_cidrs', [networks[0], networks[0]]),
  become('allowed_cidrs', [{ cidr: '10.0.0.0/8', label: emoji.repeat(100) }]),
    become('allowed_cidrs', [{ cidr: '10.0.0.0/8', label: 'NULL' }]),
  become('allowed_cidrs', [{ cidr: '10.0.0.0/8', label: null }], [{ cidr: '10.0.0.0/8' }]),
  become('allowed_cidrs', [{ cidr: '10.0.0.0/8', label: '' }, networks[0]], [{ cidr: '10.0.0.0/8' }, networks[0]]),
  become('allowed_cidrs', [{ cidr: '10.0.0.0/8', note: 'x' }], [{ cidr: '10.0.0.0/8' }]),
  become('allowed_cidrs', Array.from({ length: 50 }, (_, i) => ({ cidr: `10.0.${i}.0/24` }))),
  become('default_policy_profile_id', 'pol_00000000000000000000000001'),
  resets('default_policy_profile_id', ''), resets('default_policy_profile_id', null),
  become('residency', 'us'), become('residency', 'any'), resets('residency', null), resets('residency', ''),
  become('agents_disabled', false), resets('agents_disabled', null),
  become('status', 'suspended'), stays('status ""', { status: '' }), stays('status "" and a name', { status: '', name: 'my-app' }),
  { title: 'much at once', body: { name: 'all', description: null, tags: ['x'], status: 'suspended', residency: 'us' },
    then: { name: 'all', description: absent, tags: ['x'], status: 'suspended', residency: 'us' } },
  { title: 'members given twice', body: '{"tags":["x"],"name":null,"tags":["y"],"name":"my-app"}', then: { tags: ['y'] } },
  { title: 'one of two', body: { name: 'my-app', tags: ['x'] }, then: { tags: ['x'] } },
];

const partly = (member, given) => ({ title: `${member} ${JSON.stringify(given)}`, body: { [member]: given },
  then: { [member]: { ...databaseBefore[member], ...given } } });
const reset = (member, name, value) => ({ title: `${member}.${name} null`, body: { [member]: { [name]: null } },
  then: { [member]: { ...databaseBefore[member], [name]: value } } });

export const databaseChanges = [
  stays('nothing', {}),
  stays('the same of everything', databaseBefore),
  stays('configurations of nothing', { cache_config: {}, pool_config: {} }),
  stays('an empty password', { password: '' }), stays('empty words', { ssl_mode: '', role: '' }),
  stays('an empty word in a configuration', { pool_config: { pool_mode: '' } }),
  { title: 'an empty word beside the rest', body: { ssl_mode: '', port: 6432 }, then: { port: 6432 } },
  stays('numbers spelled otherwise', '{"port":5433.0,"query_timeout_ms":5e3,"pool_config":{"pool_size":200e-1}}'),
  stays('what cannot be changed, or is no member', {
    id: 'db_01h455vb4pex5vsknk084sn02q', project_id: 'prj_01h455vb4pex5vsknk084sn02q', connection_string: 'postgresql://x',
      org_id: 'other',
    created_at: '2020-01-01T00:00:00Z', password_generation: 9, cache_config: { more: 1 }, pool_config: { pool_sise: 1 },
      more: null,
  }),
  become('host', 'db2.example.com'), become('host', '2001:db8::1'), become('port', 1), become('port', 65535),
  become('ssl_mode', 'verify-ca'), become('ssl_mode', null, 'verify-full'), become('role', 'primary'),
    become('role', null, 'primary'),
  become('pool_region', 'eu-west-1'), resets('pool_region', ''), resets('pool_region', null),
    become('pool_region', emoji.repeat(255)),
  become('query_timeout_ms', 0), become('query_timeout_ms', 300000), resets('query_timeout_ms', null),
  become('auto_read_routing', false), resets('auto_read_routing', null),
  become('cache_config', { enabled: true, ttl_seconds: 300, max_entries: 10000, swr_seconds: 30 }),
  become('cache_config', null, cache), become('pool_config', null, pool),
  partly('cache_config', { ttl_seconds: 300 }), partly('cache_config', { enabled: true }),
    partly('cache_config', { max_entries: 0, swr_seconds: 86400 }),
  partly('pool_config', { pool_mode: 'statement' }), partly('pool_config', { pool_size: 5 }),
    partly('pool_config', { min_pool_size: 20 }),
  partly('pool_config', { pool_size: 4, min_pool_size: 4 }), partly('pool_config', { max_active: 10000 }),
  reset('cache_config', 'ttl_seconds', 60), reset('cache_config', 'enabled', true), reset('pool_config', 'max_active', 200),
  reset('pool_config', 'pool_mode', 'session'), reset('pool_config', 'min_pool_size', 1),
  { title: 'a login that has to be encoded', body: { name: 'my db/1', username: 'app@corp' }, login: 'app%40corp',
    path: 'my%20db%2F1', then: { name: 'my db/1', username: 'app@corp' } },
  { title: 'a password beside the rest', body: { password: `${password}-other`, port: 6432 }, then: { port: 6432 } },
];

const refused = (member, value, rule, field = member) => broken(field, { [member]: value }, [field, rule]);
const cidrs = (entries, rule, field) => refused('allowed_cidrs', entries, rule, `allowed_cidrs${field}`);

// Empty values that an update ignores and a create refuses.
const kept = ['password', 'ssl_mode', 'role', 'pool_config.pool_mode'];
const isKept = ([member, value, , field = member]) =>
  kept.includes(field) && (value === '' || value?.pool_mode === '');

/** The members of a create that an update takes too. */
const updated = (members, others) => members.filter(([member, value]) => value !== absent && !others.includes(member));

export const refusedProjectChanges = [
  ...updated(projectMembers, ['org_id', 'cloud', 'self_hosted']).map((row) => refused(...row)),
  refused('status', 'archived', 'enum'), refused('status', ' ', 'enum'), refused('status', 'Active', 'enum'),
    refused('status', 1, 'type'),
  refused('status', null, 'type'), refused('status', 'deleted', 'settable'),
  cidrs('10.0.0.0/8', 'type', ''), cidrs({}, 'type', ''), cidrs(Array.from({ length: 51 },
    (_, i) => ({ cidr: `10.0.${i}.0/24` })), 'longest', ''),
  cidrs(['10.0.0.0/8'], 'type', '[0]'), cidrs([null], 'type', '[0]'), cidrs([[]], 'type', '[0]'),
  cidrs([{ label: 'VPC' }], 'required', '[0].cidr'), cidrs([{ cidr: null }], 'type', '[0].cidr'),
    cidrs([{ cidr: 10 }], 'type', '[0].cidr'),
  ...['not-an-ip', '', '300.1.1.1/8', '10.0.0.0/33', '::/129', '10.0.0', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', '1',
    ' 10.0.0.0/8',
    '10.0.0.0/8 ', '10.0.0.0/0x8', '2001:db8', ':::', 'example.com', '10.0.0.0/255.0.0.0', '/8', 'fe80::1%eth0',
      '10.0.0.0/99999999999']
    .map((cidr) => cidrs([{ cidr: '10.0.0.0/8' }, { cidr }], 'network', '[1].cidr')),
  cidrs([{ cidr: '10.0.0.0/8', label: 'L'.repeat(101) }], 'longest', '[0].label'),
    cidrs([{ cidr: '10.0.0.0/8', label: 5 }], 'type', '[0].label'),
  refused('default_policy_profile_id', 'x', 'id'), refused('default_policy_profile_id', 'prj_01h455vb4pex5vsknk084sn02q', 'id'),
  refused('default_policy_profile_id', 5, 'type'),
  refused('residency', 'asia', 'enum'), refused('residency', ' ', 'enum'), refused('residency', false, 'type'),
  refused('agents_disabled', 'true', 'type'), refused('agents_disabled', 1, 'type'),
  refused('description', 'a\0b', 'pattern'), refused('tags', ['a', 'b\0'], 'pattern', 'tags[1]'),
  cidrs([{ cidr: '10.0.0.0/8', label: '\0' }], 'pattern', '[0].label'),
  broken('several', { name: '', tags: 5, status: null, allowed_cidrs: [{}, 5], agents_disabled: [] },
    ['name', 'shortest'], ['tags', 'type'], ['status', 'type'], ['allowed_cidrs[0].cidr', 'required'],
      ['allowed_cidrs[1]', 'type'],
    ['agents_disabled', 'type']),
];

export const refusedDatabaseChanges = [
  ...updated(databaseMembers, []).filter((row) => !isKept(row)).map((row) => refused(...row)),
  refused('host', null, 'type'), refused('name', null, 'type'), refused('username', null, 'type'),
    refused('ssl_mode', ' ', 'enum'), refused('auto_read_routing', '', 'type'), refused('port', '', 'type'),
  refused('role', ' ', 'enum'), refused('pool_region', 'r'.repeat(256), 'longest'), refused('port', 70000, 'most'),
  refused('pool_config', { pool_size: 4 }, 'order', 'pool_config.min_pool_size'),
  refused('pool_config', { min_pool_size: 21 }, 'order', 'pool_config.min_pool_size'),
  refused('pool_config', { pool_size: null, min_pool_size: 11 }, 'order', 'pool_config.min_pool_size'),
  refused('pool_config', { max_active: 0 }, 'least', 'pool_config.max_active'),
  broken('several', { host: '', port: 0, password: 5, cache_config: { enabled: 1 },
    pool_config: { pool_size: 0, min_pool_size: 30 } },
    ['host', 'shortest'], ['port', 'least'], ['password', 'type'], ['cache_config.enabled', 'type'],
      ['pool_config.pool_size', 'least']),
];

/**
 * Bodies that make no database: those that a create refuses for a database
 * inside a project.
 */
export const refusedDatabases = (sound) => [
  broken('{}', {}, ...['host', 'port', 'name', 'username', 'password'].map((field) => [field, 'required'])),
  ...databaseMembers.map(([member, value, rule, field = member]) => broken(field, { ...sound, [member]: value }, [field,
    rule])),
];
