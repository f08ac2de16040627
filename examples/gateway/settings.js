// The gateway's own variables. One whose value means nothing ends the start,
// in one line.
import { BlockList, isIP } from 'node:net';

const switches = { on: true, off: false };

function readInteger(text, least, most) {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(number >= least && number <= most)) throw new Error(`is ${least} to ${most}`);
  return number;
}

function readSwitch(text) {
  if (!Object.hasOwn(switches, text)) throw new Error('is on or off');
  return switches[text];
}

function readNetworks(text) {
  const networks = new BlockList();
  for (const network of text.split(',').map((part) => part.trim()).filter(Boolean)) {
    const [address, length, ...rest] = network.split('/');
    const family = isIP(address);
    if (!family || rest.length) throw new Error('is a list of addresses and networks, as 10.0.0.1,10.1.0.0/16');
    networks.addSubnet(address, readInteger(length ?? String(family === 6 ? 128 : 32), 0, family === 6 ? 128 : 32), `ipv${family}`);
  }
  return networks;
}

export const variables = {
  HOST: ['127.0.0.1', (text) => text],
  PORT: ['8080', (text) => readInteger(text, 0, 65535)],
  ACCESS_LOG: ['on', readSwitch],
  QUERY_TIMEOUT: ['30', (text) => readInteger(text, 1, 3600)],
  POOL_SIZE: ['10', (text) => readInteger(text, 1, 1000)],
  TRUSTED_PROXIES: ['', readNetworks],
};

/** Their values by name; an empty variable is one that is not set. */
export function readSettings(environment) {
  return Object.fromEntries(Object.entries(variables).map(([name, [fallback, read]]) => {
    try {
      return [name, read(environment[name] || fallback)];
    } catch (error) {
      throw new Error(`${name} ${error.message}, not "${environment[name]}"`);
    }
  }));
}
