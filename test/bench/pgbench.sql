\set n random(1, 9000000000000000000)
SELECT pgbeam.create_project(format('{"name": "p%s", "org_id": "org_pgbench", "database": {"host": "db.example.com", "port": 5432, "name": "orders", "username": "pgbeam", "password": "correct horse battery"}}', :n::bigint)::jsonb);
