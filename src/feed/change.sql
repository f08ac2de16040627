CREATE TABLE pgbeam.changes (
	org_id text COLLATE "C" NOT NULL,
	xid xid8 NOT NULL,
	id uuid NOT NULL,
	resource text COLLATE "C" NOT NULL,
	resource_id text NOT NULL,
	action text COLLATE "C" NOT NULL,
	actor_kind text COLLATE "C" NOT NULL,
	actor text NOT NULL,
	request_id text,
	detail text,
	changed_at timestamptz NOT NULL,
	-- The order in which changes are read. A second index would cost each write;
	-- org_id stands here so that Citus can spread the table by it.
	CONSTRAINT changes_pkey PRIMARY KEY (xid, id, org_id)
);
COMMENT ON TABLE pgbeam.changes IS
'The change feed: what was created, updated or deleted, without values. Written in the transaction of the change, read by pgbeam.read_changes(), swept by age (pgbeam.change_retention).';
COMMENT ON COLUMN pgbeam.changes.xid IS
'The transaction that made the change. Changes are read in the order of xid and id.';
-- A dump has no changes: they are in the order of this server's transactions,
-- which means nothing beside the rows, and to the readers, of another server.
SELECT pg_catalog.pg_extension_config_dump('pgbeam.changes', 'WHERE false');
