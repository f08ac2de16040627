-- What a data plane found when it tried a database.
SELECT p #>> '{project,id}' AS project, p #>> '{database,id}' AS database FROM pgbeam.create_project(
	'{"org_id": "connection", "name": "c", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset
SELECT pgbeam.test_database_connection(:'project', :'database');
SELECT pgbeam.report_connection_test(:'database', true, 12.3456, server_version => '16.2');
SELECT pgbeam.test_database_connection(:'project', :'database');
SELECT pgbeam.report_connection_test(:'database', false, error => 'connection refused');
SELECT pgbeam.test_database_connection(:'project', :'database');
SELECT count(*) FROM pgbeam.connection_tests WHERE org_id = 'connection';

-- What was found of another host or password says nothing of this one.
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

-- It goes with its database.
SELECT pgbeam.delete_project(:'project');
SELECT pgbeam.test_database_connection(:'project', :'database');
SELECT pgbeam.report_connection_test(:'database', true);
