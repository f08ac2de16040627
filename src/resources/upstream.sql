CREATE FUNCTION pgbeam.forbidden_network(address inet) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_forbidden_network';
COMMENT ON FUNCTION pgbeam.forbidden_network(inet) IS
'Returns the network of pgbeam.forbidden_networks that an address lies in, or null where it is in none.
A data plane asks it of every address that it gets for the name of an upstream, and does not connect where it answers. An address of IPv6 that holds one of IPv4 (::ffff:a.b.c.d, ::a.b.c.d, NAT64, 6to4, Teredo, ISATAP) counts as both; a netmask does not count. For roles with data_plane access.';
