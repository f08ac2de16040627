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

-- What holds the feed back, where changes wait.
CREATE FUNCTION pgbeam.feed_hold(
	OUT waiting_since timestamptz, OUT is_long boolean, OUT held_since timestamptz, OUT pid integer, OUT prepared text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_feed_hold';
COMMENT ON FUNCTION pgbeam.feed_hold() IS
'Tells the oldest running transaction, where committed changes wait for its end before they are shown.
It gives no row where no changes wait. waiting_since is the time of the first change that waits, and is_long tells whether that is over 10 seconds ago. held_since is when the transaction began, and pid its backend; for a prepared transaction pid is null and prepared is its name. On a standby all three are null, because the primary runs the transaction.';
