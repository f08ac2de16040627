const readAnswer = ([status, headers, body]) => ({ status: Number(status), headers: JSON.parse(headers), body });

/**
 * A call of the router. To the driver, whatever has these methods is a query.
 * The driver's own Query serves every statement there is, and cost a quarter of
 * the gateway's CPU time. No columns are asked for, since the statement names
 * them; all come as text.
 *
 * An answer that cannot be read is an error of the call, so that the pool throws
 * the connection away: what comes next there may be the answer to another call.
 */
export class Call {
  constructor({ name = '', text, values }) {
    Object.assign(this, { name, text, values, row: undefined, callback: undefined });
  }

  // In one write. The driver notes the names that a connection has parsed, and
  // takes an error that is returned, but none that is thrown.
  submit(connection) {
    const { name, text, values } = this;
    connection.stream.cork();
    try {
      if (!connection.parsedStatements[name]) connection.parse({ name, text });
      connection.bind({ statement: name, values });
      connection.execute();
      connection.sync();
      return null;
    } catch (error) {
      return error;
    } finally {
      connection.stream.uncork();
    }
  }

  handleDataRow({ fields }) {
    this.row = fields;
  }

  handleCommandComplete() {}

  handleError(error) {
    this.callback(error);
  }

  handleReadyForQuery() {
    let answer;
    try {
      answer = readAnswer(this.row);
    } catch { // whose words hold a part of the text
      return this.callback(new Error('the answer of pgbeam.http cannot be read'));
    }
    return this.callback(null, answer);
  }
}
