CREATE TABLE pgbeam.members (
	org_id text COLLATE "C" NOT NULL,
	user_id text COLLATE "C" NOT NULL,
	role text COLLATE "C" NOT NULL,
	CONSTRAINT members_pkey PRIMARY KEY (org_id, user_id),
	CONSTRAINT members_fields_check
		CHECK (pgbeam.check_fields('member', members.*))
);
CREATE INDEX members_user_idx ON pgbeam.members (user_id, org_id);
COMMENT ON TABLE pgbeam.members IS
'The users of organizations and their roles. Written by pgbeam.set_member() and pgbeam.remove_member(), read at each request of a user.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.members', '');

CREATE FUNCTION pgbeam.set_member(org_id text, user_id text, role text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_set_member';
COMMENT ON FUNCTION pgbeam.set_member(text, text, text) IS
'Makes a user a member of an organization, or gives them another role.
user_id is the claim sub of the user''s tokens. The roles owner and admin may do everything; the role member may only read. Errors: PT400 with all problems, PT401 for a caller without admin access, PT404 for an unknown organization.';

CREATE FUNCTION pgbeam.remove_member(org_id text, user_id text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_remove_member';
COMMENT ON FUNCTION pgbeam.remove_member(text, text) IS
'Takes a user out of an organization, from the next request on.
Errors: PT400 with all problems, PT401 for a caller without admin access, PT404 for a user who is no member.';

CREATE FUNCTION pgbeam.list_members(org_id text, OUT user_id text, OUT role text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_members';
COMMENT ON FUNCTION pgbeam.list_members(text) IS
'Lists the members of an organization: user and role (owner, admin, member).
Errors: PT400 for no legal id, PT401 for a caller without admin access.';
