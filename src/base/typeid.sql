CREATE FUNCTION pgbeam.typeid(prefix text) RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'pgbeam_typeid';
COMMENT ON FUNCTION pgbeam.typeid(text) IS
'Makes a TypeID: prefix, underscore and a UUID of version 7 in base 32 (TypeID 0.3, RFC 9562).
It is greater than all that the session made before. Error: 22023 for an illegal prefix. A prefix has at most 63 characters, a to z and inner underscores; it may be empty.';

CREATE FUNCTION pgbeam.typeid_encode(prefix text, id uuid) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pgbeam_typeid_encode';
COMMENT ON FUNCTION pgbeam.typeid_encode(text, uuid) IS
'Spells a UUID as the TypeID with this prefix (TypeID 0.3).
Error: 22023 for an illegal prefix.';

CREATE FUNCTION pgbeam.typeid_decode(typeid text) RETURNS uuid
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pgbeam_typeid_decode';
COMMENT ON FUNCTION pgbeam.typeid_decode(text) IS
'Returns the UUID of a TypeID with any prefix (TypeID 0.3, strict).
Error: 22P02, which names the broken rule.';

CREATE FUNCTION pgbeam.typeid_timestamp(typeid text) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pgbeam_typeid_timestamp';
COMMENT ON FUNCTION pgbeam.typeid_timestamp(text) IS
'Returns the instant at which a TypeID was made, in milliseconds: the first 48 bits of its UUID of version 7 (RFC 9562).
Errors: 22P02 for text that is no TypeID, 22023 for a UUID of another version.';
