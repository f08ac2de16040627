// Measures createProject over HTTP: pgbeam behind its gateway beside an
// application that does the same by hand, in turns. Prints figures, and no
// figure is an error; what was not done, or not done right, is.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { compareAnswers, verifyRows } from './check.js';
import { startLoad } from './load.js';
import { ask, hasPostgrest, inStatement, inTransaction, org, password, pgbeam, start, variants } from './variants.js';

const ROUNDS = Number(process.env.ROUNDS ?? 27);
const SECONDS = Number(process.env.ROUND_SECONDS ?? 1); // short, as the machine changes its pace
const CONNECTIONS = 8;

// CPU seconds that a process has spent, with all its threads, and with its
// children: nginx works in one.

const TICKS = 100; // a second, in Linux's /proc
function cpuOf(pid) {
	const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ');
	const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
	return children.reduce((sum, child) => sum + cpuOf(child), (Number(fields[11]) + Number(fields[12])) / TICKS);
}

async function cpuOfBackends() {
	const backends = await ask(`SELECT pid FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`);
	return new Map(backends.map(({ pid }) => [pid, cpuOf(pid)]));
}

async function sample({ pids }, load) {
	const backends = await cpuOfBackends();
	const { user, system } = process.cpuUsage();
	return {
		at: performance.now() / 1000,
		acknowledged: load.acknowledged,
		server: pids.reduce((sum, pid) => sum + cpuOf(pid), 0),
		backends,
		load: (user + system) / 1e6,
	};
}

function compare(before, after) {
	const requests = after.acknowledged - before.acknowledged;
	let postgres = 0;
	for (const [pid, cpu] of after.backends) postgres += cpu - (before.backends.get(pid) ?? 0);
	const server = after.server - before.server;
	const ofThousand = (seconds) => 1000 * seconds / requests;
	return {
		perSecond: requests / (after.at - before.at),
		server: ofThousand(server),
		postgres: ofThousand(postgres),
		both: ofThousand(server + postgres),
		load: ofThousand(after.load - before.load),
	};
}

// The load runs for a while before it is measured, so that connections and
// prepared statements are there.
async function measure(variant, round) {
	const load = startLoad({ ...variant, org, password }, CONNECTIONS, `${variant.title} ${round}`);
	await sleep(300);
	const before = await sample(variant, load);
	await sleep(1000 * SECONDS);
	const after = await sample(variant, load);
	await load.stop();
	variant.acknowledged += load.acknowledged;
	return compare(before, after);
}

// Round 0 warms up; another variant is first in each round.
async function runRounds() {
	for (let round = 0; round <= ROUNDS; round++)
		for (let i = 0; i < variants.length; i++) {
			const variant = variants[(round + i) % variants.length];
			const figures = await measure(variant, round);
			if (round > 0) variant.rounds.push(figures);
		}
}

// Printing.

function quantile(values, fraction) {
	const sorted = values.toSorted((a, b) => a - b);
	const at = fraction * (sorted.length - 1);
	const low = sorted[Math.floor(at)];
	return low + (at % 1) * (sorted[Math.ceil(at)] - low);
}
const median = (values) => quantile(values, 0.5);
const quartiles = (values, digits) => `${quantile(values, 0.25).toFixed(digits)} to ${quantile(values, 0.75).toFixed(digits)}`;

async function printSettings() {
	const [settings] = await ask(`SELECT current_setting('server_version_num')::integer / 10000 AS version,
		current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
		current_setting('full_page_writes') AS pages`);
	console.log(`createProject over HTTP: ${ROUNDS} rounds of ${SECONDS} s, ${CONNECTIONS} connections, ` +
		`${availableParallelism()} cores for the load too`);
	console.log(`Node ${process.versions.node}, PostgreSQL ${settings.version}, fsync ${settings.fsync}, ` +
		`synchronous_commit ${settings.commit}, full_page_writes ${settings.pages}`);
}

function printTable() {
	const row = (title, rate, spread, cells) =>
		console.log(title.padEnd(26) + rate.padStart(10) + spread.padStart(15) + cells.map((cell) => cell.padStart(11)).join(''));
	row('', '', '', ['', 'CPU s of', '1000', 'requests']);
	row('medians of the rounds', 'requests/s', 'quartiles', ['server', 'PostgreSQL', 'both', 'load']);
	for (const { title, rounds } of variants) {
		const of = (figure) => rounds.map((round) => round[figure]);
		row(title, median(of('perSecond')).toFixed(), quartiles(of('perSecond')),
			['server', 'postgres', 'both', 'load'].map((figure) => median(of(figure)).toFixed(3)));
	}
}

function printBar(text, other, least) {
	const ratios = (figure) => pgbeam.rounds.map((round, i) => round[figure] / other.rounds[i][figure]);
	const speed = ratios('perSecond');
	const cpu = ratios('both').map((ratio) => 1 / ratio);
	console.log(`${text}: ${median(speed).toFixed(2)} (half the rounds ${quartiles(speed, 2)}), ` +
		`${median(cpu).toFixed(2)} by CPU time: ${median(speed) >= least ? 'ok' : 'missed'}`);
}

for (const variant of variants) await start(variant);
await compareAnswers();
await runRounds();
await verifyRows();
await printSettings();
printTable();
if (!hasPostgrest) console.log('PostgREST behind nginx: not measured, for postgrest or nginx is not here');
console.log('The bars, by requests a second:');
printBar('at least 1.6 x the application with a transaction', inTransaction, 1.6);
printBar('at least 1.1 x the application with one statement', inStatement, 1.1);
process.exit();
