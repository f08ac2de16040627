CREATE TABLE pgbeam.feed_consumers (
	name text COLLATE "C" NOT NULL,
	token text COLLATE "C",
	subscribed_at timestamptz NOT NULL,
	confirmed_at timestamptz,
	CONSTRAINT feed_consumers_pkey PRIMARY KEY (name),
	CONSTRAINT feed_consumers_fields_check
		CHECK (pgbeam.check_fields('feed_consumer', feed_consumers.*))
) WITH (fillfactor = 50);
COMMENT ON TABLE pgbeam.feed_consumers IS
'The consumers of the change feed, and the place that each has confirmed. Written by pgbeam.subscribe(), pgbeam.confirm() and pgbeam.unsubscribe(), read by pgbeam.next_changes().';
-- A token of a dump is refused where it was restored, and its consumer is told
-- to start over. A consumer without a token would miss changes unawares.
SELECT pg_catalog.pg_extension_config_dump('pgbeam.feed_consumers', 'WHERE token IS NOT NULL');

CREATE FUNCTION pgbeam.subscribe(name text, token text DEFAULT NULL) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_subscribe';
COMMENT ON FUNCTION pgbeam.subscribe(text, text) IS
'Makes a consumer of the change feed, whose place pgbeam.next_changes() and pgbeam.confirm() keep, and returns the token of its place.
name has 1 to 63 letters, digits and characters _ . -. The consumer begins behind token. Without one it begins behind the last change that is shown now: what comes later is given, so take a full copy of the state after this call has been committed. The result is null where there is no change yet. A consumer that is there keeps its place, so that a program may call this whenever it starts. For roles with data_plane or admin access. Errors: PT400 with all problems, PT401 within an HTTP request, PT409 for a token where the consumer has a place already; PB006 and PB007 as of pgbeam.read_changes().';

CREATE FUNCTION pgbeam.next_changes(
	name text,
	max_rows integer DEFAULT 100,
	OUT token text, OUT org_id text, OUT resource text, OUT resource_id text,
	OUT action text, OUT actor text, OUT actor_kind text, OUT request_id text, OUT detail json,
	OUT changed_at timestamptz)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_next_changes';
COMMENT ON FUNCTION pgbeam.next_changes(text, integer) IS
'Reads the changes behind the place that a consumer has confirmed, in their order: the columns of pgbeam.read_changes().
Deal with the rows, and then hand the token of the last one to pgbeam.confirm(). Until that is committed the same rows are given again: each change comes at least once. It comes exactly once for work in this database that is done between next_changes() and confirm() in one transaction. The consumer''s turn belongs to the transaction that called this, until it ends. Meanwhile other transactions get no rows, and do not wait. For roles with data_plane or admin access. Errors: PT400 for an illegal name or size, PT401 within an HTTP request, PT404 for an unknown consumer, PT503 on a standby; PB006 and PB007 as of pgbeam.read_changes(): then unsubscribe, subscribe, and take a full copy of the state.';

CREATE FUNCTION pgbeam.confirm(name text, token text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_confirm';
COMMENT ON FUNCTION pgbeam.confirm(text, text) IS
'Moves a consumer''s place: the change of the token, and all before it, have been dealt with.
token is that of a row of pgbeam.next_changes(). A token that was confirmed last may be confirmed again. For roles with data_plane or admin access. Errors: PT400 with all problems, and for a token before the one that was confirmed last; PT401 within an HTTP request, PT404 for an unknown consumer; PB006 for a token that is ahead of this server or of another server, PB007 for one that is older than what is kept.';

CREATE FUNCTION pgbeam.unsubscribe(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_unsubscribe';
COMMENT ON FUNCTION pgbeam.unsubscribe(text) IS
'Forgets a consumer of the change feed, and its place.
For roles with data_plane or admin access. Errors: PT400 for an illegal name, PT401 within an HTTP request, PT404 for an unknown consumer.';
