CREATE FUNCTION pgbeam.typeid(prefix text) RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'pgbeam_typeid';
COMMENT ON FUNCTION pgbeam.typeid(text) IS
'A new TypeID: prefix, underscore and a UUID version 7 in base 32 (TypeID 0.3, RFC 9562); greater than every one this session made before.
Error 22023 for a prefix that is no legal one (a to z and inner underscores, at most 63; empty is legal).';

CREATE FUNCTION pgbeam.typeid_encode(prefix text, id uuid) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pgbeam_typeid_encode';
COMMENT ON FUNCTION pgbeam.typeid_encode(text, uuid) IS
'The TypeID that spells this UUID under this prefix (TypeID 0.3).
Error 22023 for an illegal prefix.';

CREATE FUNCTION pgbeam.typeid_decode(typeid text) RETURNS uuid
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pgbeam_typeid_decode';
COMMENT ON FUNCTION pgbeam.typeid_decode(text) IS
'The UUID that a TypeID spells, whatever its prefix (TypeID 0.3, strict).
Error 22P02 names the broken rule.';

CREATE FUNCTION pgbeam.typeid_timestamp(typeid text) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pgbeam_typeid_timestamp';
COMMENT ON FUNCTION pgbeam.typeid_timestamp(text) IS
'The instant a TypeID was made, in milliseconds: the first 48 bits of its UUID version 7 (RFC 9562).
Error 22P02 for text that is no TypeID, 22023 for a UUID of another version.';
