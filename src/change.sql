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
SELECT pg_catalog.pg_extension_config_dump('pgbeam.changes', '');

CREATE FUNCTION pgbeam.read_changes(
	after text DEFAULT NULL,
	max_rows integer DEFAULT 100,
	OUT token text, OUT org_id text, OUT resource text, OUT resource_id text,
	OUT action text, OUT actor text, OUT actor_kind text, OUT request_id text, OUT detail json,
	OUT changed_at timestamptz)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%s.%s', c.xid, c.id), c.org_id, c.resource, c.resource_id,
		c.action, c.actor, c.actor_kind, c.request_id, c.detail::text::json, c.changed_at
	FROM pgbeam.changes AS c, (SELECT CASE
			WHEN after IS NULL THEN '0.00000000-0000-0000-0000-000000000000'
			WHEN after ~ '^[0-9]{1,19}\.[0-9a-f-]{36}$' THEN after
			ELSE '0.after must be the token of a row of read_changes()' END) AS t (token)
	WHERE c.xid < pg_snapshot_xmin(pg_current_snapshot())
		AND (c.xid, c.id) > (split_part(t.token, '.', 1)::xid8, split_part(t.token, '.', 2)::uuid)
	ORDER BY c.xid, c.id
	LIMIT max_rows
$$;
COMMENT ON FUNCTION pgbeam.read_changes(text, integer) IS
'The changes behind a token, in their order: hand in the token of the last row that was dealt with (null: from the first on), at most max_rows at a time (null: all). A change is shown only when no transaction that began before it can still commit, so that none is missed and none shown twice; one long transaction anywhere in the cluster holds the feed back. resource is project, database, replica or custom_domain, resource_id its TypeID, action created, updated or deleted. actor is the id of an API key (actor_kind api_key), of a user (user) or the name of a role (role: trusted SQL); request_id the X-Request-Id of the answer, null in plain SQL; detail a JSON object, null where there is nothing to tell. Error 22P02 for what is no token.';
