CREATE TABLE pgbeam.hosts (
	host text COLLATE "C" NOT NULL,
	org_id text COLLATE "C" NOT NULL,
	project_id uuid NOT NULL,
	kind text COLLATE "C" NOT NULL,
	CONSTRAINT hosts_pkey PRIMARY KEY (host),
	CONSTRAINT hosts_fields_check
		CHECK (pgbeam.check_fields('host', hosts.*))
);
COMMENT ON TABLE pgbeam.hosts IS
'Every host name ever given, and the project it leads to: what a proxy looks up. A name stays its project''s for ever, also after the project is deleted.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.hosts', '');
