// The driver's connection, kept from ending or blocking the gateway.
import pg from 'pg';

// What the driver does not end by itself: in an error or a notice without its
// two last zeros it reads for ever. Throws at such a message.
function makeCheck() {
  const head = Buffer.alloc(5); // code and length of the message that comes
  let got = 0; // bytes of its head that came
  let left = 0; // bytes of its body that are still to come
  let end = 0; // its last two bytes so far
  return (chunk) => {
    for (let at = 0; at < chunk.length;) {
      if (got < 5) {
        const count = chunk.copy(head, got, at, at + 5 - got);
        got += count;
        at += count;
        if (got < 5) return;
        left = head.readUInt32BE(1) - 4;
        end = 0xffff;
        if (left < 0) throw new RangeError('a message without a length');
      }
      const stop = Math.min(chunk.length, at + left);
      for (let i = Math.max(at, stop - 2); i < stop; i++) end = (end << 8 | chunk[i]) & 0xffff;
      left -= stop - at;
      at = stop;
      if (left > 0) return;
      if (end !== 0 && 'EN'.includes(String.fromCharCode(head[0]))) throw new RangeError('a message without an end');
      got = 0;
    }
  };
}

// What the driver cannot read it throws where nobody listens. Such a
// connection is of no use, and its end ends its query with the error.
function guard(stream, check) {
  const { emit } = stream;
  stream.emit = (...event) => {
    try {
      if (event[0] === 'data') check(event[1]);
      return emit.apply(stream, event);
    } catch (error) {
      stream.destroy(error);
      return true;
    }
  };
}

export class Client extends pg.Client {
  constructor(config) {
    super(config);
    const { connection } = this;
    guard(connection.stream, connection.ssl ? () => {} : makeCheck()); // first there is one byte alone
    connection.on('sslconnect', () => guard(connection.stream, makeCheck()));
  }
}
