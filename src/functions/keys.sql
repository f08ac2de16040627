CREATE FUNCTION pgbeam.key_status(
	OUT key_id text, OUT state text, OUT secrets bigint, OUT development boolean)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT key_id,
		CASE WHEN k.active THEN 'active'
			WHEN k.active IS NULL THEN 'missing'
			WHEN n.secrets > 0 OR n.fingerprints > 0 THEN 'needed'
			ELSE 'retired' END,
		coalesce(n.secrets, 0),
		coalesce(current_setting('pgbeam.development_key', true)::boolean, false)
	FROM pgbeam.keyring() AS k
	FULL JOIN (
		SELECT key_id, sum(secret) AS secrets, sum(1 - secret) AS fingerprints
		FROM (
			SELECT pgbeam.secret_key_id(password_sealed) AS key_id, 1 AS secret
			FROM pgbeam.databases WHERE password_sealed IS NOT NULL
			UNION ALL
			SELECT left(fingerprint, 32), 0
			FROM pgbeam.idempotency_keys WHERE created_at > now() - interval '24 hours'
		) AS needs
		GROUP BY 1
	) AS n USING (key_id)
	ORDER BY 2, 1
$$;
COMMENT ON FUNCTION pgbeam.key_status() IS
'Lists each key that is in the keyring or needed by something.
key_id has 32 hex digits. state is active (it seals new secrets), needed (by secrets, or by Idempotency-Keys of the last 24 hours), retired (nothing in this database needs it) or missing (needed, but not in the keyring). secrets is how many need it. development tells whether pgbeam.development_key is on. Reads every row of pgbeam.databases.';
