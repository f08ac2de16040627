CREATE FUNCTION pgbeam.read_changes(
	after text DEFAULT NULL,
	max_rows integer DEFAULT 100,
	OUT token text, OUT org_id text, OUT resource text, OUT resource_id text,
	OUT action text, OUT actor text, OUT actor_kind text, OUT request_id text, OUT detail json,
	OUT changed_at timestamptz)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_read_changes';
COMMENT ON FUNCTION pgbeam.read_changes(text, integer) IS
'Reads the changes behind a token, in their order.
Pass the token of the last row that was dealt with (null: from the first change on). A call returns at most max_rows (1 to 10000). A change is shown once no transaction that began before it can still commit, so that readers miss none and get none twice; so one long transaction anywhere on the server holds the feed back. resource is project, database, replica, custom_domain, organization, member or api_key. resource_id is its TypeID, or the user of a member, or the id of an organization. action is created, updated, deleted, suspended, resumed, revoked or revealed (a password). org_id is empty for a user''s API key. actor is the id of an API key (actor_kind api_key), the id of a user (user) or the name of a role (role: trusted SQL). request_id is the X-Request-Id of the answer, null in plain SQL. detail is a JSON object, null where there are no details. Errors: PT400 for an invalid token or size; PB006 for a token that is ahead of this server, or of another server; PB007 for a token that is older than what is kept.';

CREATE FUNCTION pgbeam.feed_status(
	OUT consumer text, OUT lag_rows bigint, OUT lag_seconds double precision,
	OUT must_start_over boolean, OUT token text, OUT confirmed_at timestamptz, OUT working_pid integer,
	OUT oldest_change_at timestamptz, OUT waiting_since timestamptz, OUT is_held_long boolean,
	OUT held_since timestamptz, OUT held_by_pid integer, OUT held_by_prepared text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_feed_status';
COMMENT ON FUNCTION pgbeam.feed_status() IS
'Tells how far each consumer of the change feed has come, and what holds the feed back.
It gives a row for each consumer, and one with the first seven columns null where there is none. lag_rows counts the changes that the consumer has not confirmed, and lag_seconds is the age of the oldest of these, 0 where there is none; each call reads them all. must_start_over is true where changes behind its place are gone: next_changes() raises PB007 then. working_pid is the backend whose transaction has the consumer''s turn. The other columns are about the whole feed, and the same in all rows. oldest_change_at is the time of the first change that is kept. Where committed changes wait for an older transaction to end before they are shown, waiting_since is the time of the first of these; is_held_long tells whether that is over 10 seconds ago; held_since is when that transaction began, held_by_pid its backend, and for a prepared transaction held_by_prepared its name instead. On a standby the last three are null, because the primary runs the transaction. For roles with data_plane or admin access.';
