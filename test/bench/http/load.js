// A load of createProject over connections that are kept alive. Written on
// bare sockets: the generator shares the cores with what it measures, so it
// may cost little.

import { createHash } from 'node:crypto';
import { connect } from 'node:net';

// Without order, so that every variant meets the same index pages.
export const nameOf = (...parts) => createHash('md5').update(parts.join(' ')).digest('hex').slice(0, 16);

export const bodyOf = (name, org, password) => JSON.stringify({
	name, org_id: org, tags: ['production', 'eu'],
	database: {
		host: 'db.example.com', port: 5432, name: 'orders', username: 'pgbeam', password,
		ssl_mode: 'verify-full',
		pool_config: { pool_size: 20, min_pool_size: 2, pool_mode: 'transaction', max_active: 100 },
	},
});

const requestOf = (body, key) => `POST /v1/projects HTTP/1.1\r
Host: localhost\r
Authorization: Bearer ${key}\r
Content-Type: application/json\r
Accept: application/json\r
Content-Length: ${Buffer.byteLength(body)}\r
\r
${body}`;

// The status of a whole answer, or undefined while some of it is to come.
function statusOf(answer) {
	const end = answer.indexOf('\r\n\r\n');
	if (end < 0) return undefined;
	const length = /\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, end + 2));
	if (length === null) throw new Error(`an answer without Content-Length: ${answer.slice(0, end)}`);
	return answer.length < end + 4 + Number(length[1]) ? undefined : Number(answer.slice(9, 12));
}

function open(port) {
	const socket = connect({ host: '127.0.0.1', port, noDelay: true });
	socket.setEncoding('latin1');
	let answer = '';
	let pending;
	socket.on('data', (chunk) => {
		answer += chunk;
		const status = statusOf(answer);
		if (status === undefined) return;
		if (status !== 201) return pending.reject(new Error(`a create was answered with\n${answer}`));
		answer = '';
		pending.resolve();
	});
	socket.on('error', (error) => pending?.reject(error));
	socket.on('close', () => pending?.reject(new Error('the server closed the connection')));
	return {
		send: (text) => new Promise((resolve, reject) => {
			pending = { resolve, reject };
			socket.write(text);
		}),
		close: () => socket.destroy(),
	};
}

// Creates until stopped; what is under way is waited for.
export function startLoad({ port, key, org, password }, connections, label) {
	const load = { acknowledged: 0 };
	let stopped = false;
	async function run() {
		const connection = open(port);
		while (!stopped) {
			const name = nameOf(label, started++);
			await connection.send(requestOf(bodyOf(name, org, password), key));
			load.acknowledged++;
		}
		connection.close();
	}
	let started = 0;
	const done = Promise.all(Array.from({ length: connections }, run));
	done.catch(() => { stopped = true; });
	load.stop = async () => {
		stopped = true;
		await done;
	};
	return load;
}
