CREATE TABLE pgbeam.members (
	org_id text COLLATE "C" NOT NULL,
	id text COLLATE "C" NOT NULL,
	user_id text COLLATE "C" NOT NULL,
	email text,
	name text,
	image text,
	role text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT members_pkey PRIMARY KEY (org_id, user_id),
	CONSTRAINT members_fields_check
		CHECK (pgbeam.check_fields('member', members.*))
);
CREATE UNIQUE INDEX members_id_idx ON pgbeam.members (org_id, id);
CREATE INDEX members_user_idx ON pgbeam.members (user_id, org_id);
COMMENT ON TABLE pgbeam.members IS
'The users of organizations, their roles, and what the operator has told of them. Written by pgbeam.set_member(), pgbeam.remove_member() and requests, read at each request of a user.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.members', '');

CREATE FUNCTION pgbeam.list_org_members(org_id text, page_size integer DEFAULT NULL, page_token text DEFAULT NULL) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_org_members';
COMMENT ON FUNCTION pgbeam.list_org_members(text, integer, text) IS
'listOrgMembers: answers {"members", "next_page_token"} of an organization, the oldest first.
email and name are empty, and image is absent, where pgbeam.set_member() was not told them. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT404 for an organization that is missing.';

CREATE FUNCTION pgbeam.update_org_member_role(org_id text, member_id text, body jsonb) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_update_org_member_role';
COMMENT ON FUNCTION pgbeam.update_org_member_role(text, text, jsonb) IS
'updateOrgMemberRole: gives a member another role and answers the member.
The body has role: admin, member, security_admin, billing_admin, auditor, policy-author or approver. Only pgbeam.set_member() makes an owner. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT404 for a member or an organization that is missing, PT409 for the last owner.';

CREATE FUNCTION pgbeam.remove_org_member(org_id text, member_id text) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_remove_org_member';
COMMENT ON FUNCTION pgbeam.remove_org_member(text, text) IS
'removeOrgMember: takes a user out of an organization, from the next request on, and answers null.
Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for a member or an organization that is missing, PT409 for the last owner.';

CREATE FUNCTION pgbeam.set_member(
	org_id text, user_id text, role text,
	email text DEFAULT NULL, name text DEFAULT NULL, image text DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_set_member';
COMMENT ON FUNCTION pgbeam.set_member(text, text, text, text, text, text) IS
'Makes a user a member of an organization, or changes a member.
user_id is the claim sub of the user''s tokens. role is owner, admin, member, security_admin, billing_admin, auditor, policy-author or approver. email (with one @, at most 254 characters), name and image (a URL) are shown to other members; null leaves them as they are, an empty text removes them. A new member gets an id, which stays. The last owner can be given another role here, unlike by a request. Errors: PT400 with all problems, PT401 for a caller without admin access, PT404 for an unknown organization.';

CREATE FUNCTION pgbeam.remove_member(org_id text, user_id text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_remove_member';
COMMENT ON FUNCTION pgbeam.remove_member(text, text) IS
'Takes a user out of an organization, from the next request on; also its last owner.
Errors: PT400 with all problems, PT401 for a caller without admin access, PT404 for a user who is no member.';

CREATE FUNCTION pgbeam.list_members(org_id text, OUT user_id text, OUT role text, OUT id text, OUT email text, OUT name text, OUT image text, OUT created_at timestamptz)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_members';
COMMENT ON FUNCTION pgbeam.list_members(text) IS
'Lists the members of an organization by their users, with what pgbeam.set_member() was told of them.
The id is that of the API''s operations on members. pgbeam.list_org_members() is the API''s operation, with pages. Errors: PT400 for no legal id, PT401 for a caller without admin access.';
