CREATE TABLE pgbeam.hosts (
	host text COLLATE "C" NOT NULL,
	org_id text COLLATE "C" NOT NULL,
	project_id uuid NOT NULL,
	kind text COLLATE "C" NOT NULL,
	CONSTRAINT hosts_pkey PRIMARY KEY (host)
);
COMMENT ON TABLE pgbeam.hosts IS
'Every host name ever given out, and the project it leads to. Proxies look hosts up here.
A deleted project''s host may go to another project of its organization, but never to another organization. A custom domain gets its row when it is proved. When a project is purged, its host becomes # and a digest of its name (BLAKE2b-256, in hex), org_id becomes empty and project_id all zeros: nobody gets the host again, and the row tells nobody whose it was. A proved domain stays with its organization, whose project_id becomes all zeros.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.hosts', '');
