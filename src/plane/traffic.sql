-- The columns of every table that counts. Nothing but this script sees it.
CREATE TABLE pgbeam.traffic_counters (
	queries bigint NOT NULL,
	transactions bigint NOT NULL,
	query_time_us bigint NOT NULL,
	wait_time_us bigint NOT NULL,
	assignments bigint NOT NULL,
	bytes_received bigint NOT NULL,
	bytes_sent bigint NOT NULL
);

CREATE TABLE pgbeam.traffic_sources (
	source text COLLATE "C" NOT NULL,
	region text COLLATE "C" NOT NULL,
	reported_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	CONSTRAINT traffic_sources_pkey PRIMARY KEY (source),
	CONSTRAINT traffic_sources_fields_check
		CHECK (pgbeam.check_fields('traffic_source', traffic_sources.*))
) WITH (fillfactor = 50);
COMMENT ON TABLE pgbeam.traffic_sources IS
'The proxies that have reported by pgbeam.report_traffic(), and when each of them last did.
A source that is not here is new: its first report only says where its counters stand. One that has been silent for pgbeam.metrics_retention days is forgotten.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.traffic_sources', '');

CREATE TABLE pgbeam.traffic_totals (
	org_id text COLLATE "C" NOT NULL,
	project_id uuid NOT NULL,
	database_id uuid NOT NULL,
	of_replicas boolean NOT NULL,
	source text COLLATE "C" NOT NULL,
	reported_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	clients integer NOT NULL,
	most_clients integer NOT NULL,
	LIKE pgbeam.traffic_counters,
	CONSTRAINT traffic_totals_pkey PRIMARY KEY (org_id, database_id, of_replicas, source),
	CONSTRAINT traffic_totals_fields_check
		CHECK (pgbeam.check_fields('traffic_total', traffic_totals.*))
) WITH (fillfactor = 70);
-- A report reads all rows of its source, and adds up those of a project.
CREATE INDEX traffic_totals_source_idx ON pgbeam.traffic_totals (source);
CREATE INDEX traffic_totals_project_idx ON pgbeam.traffic_totals (project_id);
COMMENT ON TABLE pgbeam.traffic_totals IS
'Where the counters of a source stood for a database at the last report that changed anything. Rows are deleted with their database.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.traffic_totals', '');

CREATE TABLE pgbeam.traffic_connections (
	org_id text COLLATE "C" NOT NULL,
	project_id uuid NOT NULL,
	received_at timestamptz NOT NULL,
	clients integer NOT NULL,
	CONSTRAINT traffic_connections_pkey PRIMARY KEY (org_id, project_id),
	CONSTRAINT traffic_connections_fields_check
		CHECK (pgbeam.check_fields('traffic_connection', traffic_connections.*))
) WITH (fillfactor = 70);
-- Lists begin with the busiest projects.
CREATE INDEX traffic_connections_clients_idx ON pgbeam.traffic_connections (org_id, clients, project_id);
COMMENT ON TABLE pgbeam.traffic_connections IS
'How many clients are connected to a project, which holds for 3 minutes. A project that never had any has no row. Rows are deleted with their project.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.traffic_connections', '');

CREATE TABLE pgbeam.traffic_minutes (
	org_id text COLLATE "C" NOT NULL,
	project_id uuid NOT NULL,
	region text COLLATE "C" NOT NULL,
	minute timestamptz NOT NULL,
	clients integer NOT NULL,
	LIKE pgbeam.traffic_counters,
	connection_ms bigint NOT NULL,
	p99_latency_us bigint,
	CONSTRAINT traffic_minutes_pkey PRIMARY KEY (org_id, project_id, region, minute),
	CONSTRAINT traffic_minutes_fields_check
		CHECK (pgbeam.check_fields('traffic_minute', traffic_minutes.*))
);
-- The sweep finds the oldest rows.
CREATE INDEX traffic_minutes_minute_idx ON pgbeam.traffic_minutes (minute);
COMMENT ON TABLE pgbeam.traffic_minutes IS
'What was counted for a project in a region by the reports of a minute. There is no row where no client was connected and nothing was counted. Rows go after pgbeam.metrics_retention days.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.traffic_minutes', '');

CREATE TABLE pgbeam.traffic_days (
	org_id text COLLATE "C" NOT NULL,
	project_id uuid NOT NULL,
	day timestamptz NOT NULL,
	region text COLLATE "C" NOT NULL,
	LIKE pgbeam.traffic_counters,
	connection_ms bigint NOT NULL,
	CONSTRAINT traffic_days_pkey PRIMARY KEY (org_id, project_id, day, region),
	CONSTRAINT traffic_days_fields_check
		CHECK (pgbeam.check_fields('traffic_day', traffic_days.*))
) WITH (fillfactor = 70);
-- The sweep finds the oldest rows.
CREATE INDEX traffic_days_day_idx ON pgbeam.traffic_days (day);
COMMENT ON TABLE pgbeam.traffic_days IS
'What was counted for a project in a region by the reports of a day, in UTC. Rows go after pgbeam.usage_retention days, not with their project.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.traffic_days', '');

CREATE TABLE pgbeam.traffic_org_days (
	org_id text COLLATE "C" NOT NULL,
	day timestamptz NOT NULL,
	LIKE pgbeam.traffic_counters,
	connection_ms bigint NOT NULL,
	CONSTRAINT traffic_org_days_pkey PRIMARY KEY (org_id, day),
	CONSTRAINT traffic_org_days_fields_check
		CHECK (pgbeam.check_fields('traffic_org_day', traffic_org_days.*))
) WITH (fillfactor = 70);
-- The sweep finds the oldest rows.
CREATE INDEX traffic_org_days_day_idx ON pgbeam.traffic_org_days (day);
COMMENT ON TABLE pgbeam.traffic_org_days IS
'The same of all projects of an organization, those included that are deleted since.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.traffic_org_days', '');

DROP TABLE pgbeam.traffic_counters;
