-- A data plane's reports on databases.
SELECT p #>> '{project,id}' AS project, p #>> '{database,id}' AS database FROM pgbeam.create_project(
	'{"org_id": "connection", "name": "c", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset
SELECT pgbeam.test_database_connection(:'project', :'database');
SELECT pgbeam.report_connection_test(:'database', true, 12.3456, server_version => '16.2');
SELECT pgbeam.test_database_connection(:'project', :'database');
SELECT pgbeam.report_connection_test(:'database', false, error => 'connection refused');
SELECT pgbeam.test_database_connection(:'project', :'database');
SELECT count(*) FROM pgbeam.connection_tests WHERE org_id = 'connection';

-- A report on another host or password says nothing about this one.
SELECT pgbeam.report_connection_test(:'database', true);
SELECT pgbeam.update_database(:'project', :'database', '{"host": "elsewhere.example.com"}') IS NOT NULL AS changed;
SELECT pgbeam.test_database_connection(:'project', :'database');
SELECT pgbeam.report_connection_test(:'database', true);
SELECT pgbeam.update_database(:'project', :'database', '{"host": "elsewhere.example.com"}') IS NOT NULL AS the_same;
SELECT pgbeam.test_database_connection(:'project', :'database');

-- Bad input.
SELECT pgbeam.report_connection_test(:'database', NULL);
SELECT pgbeam.report_connection_test(:'database', true, error => 'connection refused');
SELECT pgbeam.report_connection_test(:'database', true, -1);
SELECT pgbeam.report_connection_test(:'database', true, 'NaN');
SELECT pgbeam.report_connection_test(:'database', true, 'Infinity');
SELECT pgbeam.report_connection_test(:'database', false, error => repeat('e', 1001));
SELECT pgbeam.report_connection_test('db_00000000000000000000000000', true);
SELECT pgbeam.report_connection_test('db', true);
SELECT pgbeam.test_database_connection(:'project', 'db_00000000000000000000000000');

-- It is deleted with its database, also when that goes with its project. If a
-- trigger keeps the report, the deletion is undone.
SELECT d ->> 'id' AS second FROM pgbeam.create_database(:'project',
	'{"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}') d \gset
SELECT pgbeam.report_connection_test(:'second', false, error => 'no route to host 10.0.0.7');
SELECT error FROM pgbeam.connection_tests WHERE org_id = 'connection';
CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER hold_back BEFORE DELETE ON pgbeam.connection_tests FOR EACH ROW EXECUTE FUNCTION hold_back();
SELECT pgbeam.delete_database(:'project', :'second');
DROP FUNCTION hold_back CASCADE;
SELECT pgbeam.delete_database(:'project', :'second');
SELECT count(*), count(error) AS errors FROM pgbeam.connection_tests WHERE org_id = 'connection';
SELECT pgbeam.delete_project(:'project');
SELECT count(*) FROM pgbeam.connection_tests WHERE org_id = 'connection';
SELECT pgbeam.test_database_connection(:'project', :'database');
SELECT pgbeam.report_connection_test(:'database', true);
