/**
 * A call of the router, as the driver takes it: whatever has these methods is a
 * query to it. Its own Query serves every statement there is, and cost a
 * quarter of the gateway's CPU time. No columns are asked for, since the
 * statement names them; all come as text.
 */
export class Call {
  constructor({ name = '', text, values }) {
    Object.assign(this, { name, text, values, fields: undefined, callback: undefined });
  }

  // In one write. The driver notes the names that a connection has parsed.
  submit(connection) {
    const { name, text, values } = this;
    connection.stream.cork();
    if (!connection.parsedStatements[name]) connection.parse({ name, text });
    connection.bind({ statement: name, values });
    connection.execute();
    connection.sync();
    connection.stream.uncork();
  }

  handleDataRow({ fields }) {
    this.fields = fields;
  }

  handleCommandComplete() {}

  handleError(error) {
    this.callback(error);
  }

  handleReadyForQuery() {
    this.callback(null, this.fields);
  }
}
