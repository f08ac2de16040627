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
	CONSTRAINT changes_pkey PRIMARY KEY (org_id, id),
	CONSTRAINT changes_fields_check
		CHECK (pgbeam.check_fields('change', changes.*))
);
CREATE INDEX changes_xid_id_idx ON pgbeam.changes (xid, id);
COMMENT ON TABLE pgbeam.changes IS
'The change feed: what was created, updated or deleted, without values. Written in the transaction of the change, read by pgbeam.read_changes(), cleared by age (pgbeam.change_retention).';
COMMENT ON COLUMN pgbeam.changes.xid IS
'The transaction that made the change: changes are read in the order of this and id.';
-- Their order is that of this server's transactions: to another server's rows
-- and readers they would mean nothing, so that a dump has none.
SELECT pg_catalog.pg_extension_config_dump('pgbeam.changes', 'WHERE false');
