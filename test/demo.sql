\echo '-- The extension, and a key for the secrets it will keep.'
\pset tuples_only
\pset format unaligned
\set ECHO queries
CREATE EXTENSION pgbeam;
SELECT pgbeam.create_key();

\echo
\echo '-- A project with its first database, from the API''s request body; the documented answer.'
SELECT pgbeam.create_project('{
	"name": "orders-eu",
	"org_id": "org_abc123",
	"description": "Order service, production",
	"tags": ["production", "eu"],
	"cloud": "aws",
	"database": {
		"host": "orders.db.example.com",
		"port": 5433,
		"name": "orders",
		"username": "orders_app",
		"password": "pa$$word",
		"ssl_mode": "require",
		"pool_region": "us-east-1",
		"cache_config": {"ttl_seconds": 120},
		"pool_config": {"pool_size": 20, "min_pool_size": 5, "pool_mode": "transaction"}
	}
}');

\echo
\echo '-- The stored row: the password is there only as ciphertext.'
\pset format aligned
\pset expanded
\pset tuples_only
SELECT name, host, port, username, password_sealed, created_at FROM pgbeam.databases;

\echo '-- A request that is refused, with all that is wrong with it.'
SELECT pgbeam.create_project('{
	"name": "",
	"org_id": "org_abc123",
	"cloud": "AWS",
	"tags": ["ok", 7],
	"database": {
		"host": "db example.com",
		"port": "5432",
		"username": "app",
		"password": "never shown",
		"pool_config": {"pool_size": 5, "min_pool_size": 6}
	}
}');
