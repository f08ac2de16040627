CREATE FUNCTION pgbeam.delete_organization(org_id text, cascade boolean DEFAULT false) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_delete_organization';
COMMENT ON FUNCTION pgbeam.delete_organization(text, boolean) IS
'Deletes an organization: its API keys are revoked, and it has no members any more.
With cascade its projects are deleted too, with all below them; without it, an organization that has projects is refused. What was deleted stays for pgbeam.deleted_retention days. Requests that are running may still create a project: suspend the organization first, and wait for their end. Errors: PT400 for no legal id, PT401 for a caller without admin access, PT404 for an unknown organization, PT409 while it has projects; 25000 at an isolation level other than READ COMMITTED.';

CREATE FUNCTION pgbeam.erase_organization(org_id text, force boolean DEFAULT false) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_erase_organization';
COMMENT ON FUNCTION pgbeam.erase_organization(text, boolean) IS
'Deletes an organization with all that it has, removes every row that is stored of it, and returns how many rows that were.
No table names it then, nor its projects, hosts, members or API keys. The API keys of users who belong to no other organization are removed with it. Its hosts stay given, each as a digest of its name. The feed keeps that something with a random id was changed, but not whose it was. Backups, logs, WAL, dead rows before VACUUM, and tables of others are not touched. While a consumer of the feed has not confirmed all changes of the organization, its deletion included, the call is refused, unless force is true: call pgbeam.delete_organization() first. Readers of pgbeam.read_changes() are not known: see that they have read the deletion too. All of it is one transaction. Suspend the organization first, and wait for the end of its requests: one that writes at the same moment can end this call with 23503 or 09000, and nothing is erased then. Errors: PT400 for no legal id, PT401 for a caller without admin access, PT404 when nothing is stored of it, PT409 for a consumer that is behind; 25000 at an isolation level other than READ COMMITTED.';
