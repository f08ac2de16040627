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
'The changes behind a token, in their order.
Hand in the token of the last row that was dealt with (null: from the first on); at most max_rows (1 to 10000) come at a time. A change is shown only when no transaction that began before it can still commit, so that none is missed and none shown twice; one long transaction anywhere on the server holds the feed back. resource is project, database, replica, custom_domain, organization, member or api_key, resource_id its TypeID, of a member the user, of an organization its id; action created, updated, deleted, suspended, resumed, revoked or revealed (a password). org_id is empty for a user''s key. actor is the id of an API key (actor_kind api_key), of a user (user) or the name of a role (role: trusted SQL); request_id the X-Request-Id of the answer, null in plain SQL; detail a JSON object, null where there is nothing to tell. Errors: PT400 for what is no token or no size; PB006 for a token that this server does not know because it is ahead or another, PB007 for one that is older than what is kept.';

-- What holds the feed back, if there are changes that wait for it.
CREATE FUNCTION pgbeam.feed_hold(
	OUT waiting_since timestamptz, OUT is_long boolean, OUT held_since timestamptz, OUT pid integer, OUT prepared text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_feed_hold';
COMMENT ON FUNCTION pgbeam.feed_hold() IS
'The oldest transaction that runs, where committed changes wait for its end before they are shown.
No row where none wait. waiting_since is the time of the first of them, is_long whether that is over 10 seconds ago, held_since when that transaction began, pid its backend; for a prepared transaction that is null and prepared its name; on a standby, whose primary runs it, all three are null.';
