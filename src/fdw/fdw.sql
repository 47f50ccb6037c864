\echo Use "CREATE EXTENSION mls_fdw" to load this file. \quit

-- Records are UTF-8, and are kept byte for byte as the source sent them.
DO $$
BEGIN
	IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
		RAISE feature_not_supported USING
			MESSAGE = 'mls_fdw needs a database with encoding UTF8',
			DETAIL = 'Records are kept byte for byte as the source sent them.',
			HINT = 'CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0';
	END IF;
END $$;

-- The wrapper.  Nobody but superusers may make servers unless told otherwise:
-- whoever makes a server chooses an address the database connects to.

CREATE FUNCTION mls_fdw_handler() RETURNS fdw_handler
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION mls_fdw_handler() IS 'handler of the foreign-data wrapper mls_fdw';

CREATE FUNCTION mls_fdw_validator(text[], oid) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION mls_fdw_validator(text[], oid) IS 'validator of options of the foreign-data wrapper mls_fdw';

CREATE FOREIGN DATA WRAPPER mls_fdw HANDLER mls_fdw_handler VALIDATOR mls_fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER mls_fdw IS 'real-estate sources: RESO Web API';

CREATE FUNCTION mls_options(
	OUT object text, OUT name text, OUT type text, OUT default_value text, OUT allowed text,
	OUT required boolean, OUT secret boolean, OUT help text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls_options() IS 'options of servers, user mappings, foreign tables, columns and imports';

CREATE FUNCTION mls_row(row_type anyelement, record json) RETURNS anyelement
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mls_row(anyelement, json) IS 'one record as a row of a foreign table, without asking the source';

-- Metadata documents, and whether a server works.

CREATE FUNCTION mls_metadata(
	document text, protocol text DEFAULT 'reso',
	OUT resource text, OUT field text, OUT type text, OUT pg_type text, OUT is_key boolean,
	OUT nullable boolean, OUT lookup text, OUT is_enum boolean, OUT is_flags boolean,
	OUT is_collection boolean, OUT description text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls_metadata(text, text) IS 'fields that a metadata document describes, as IMPORT FOREIGN SCHEMA would read it; no network';

CREATE FUNCTION mls_metadata_findings(document text, protocol text DEFAULT 'reso')
	RETURNS SETOF text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mls_metadata_findings(text, text) IS 'what a metadata document has wrong, and how it is read all the same';

CREATE FUNCTION mls_check(server text, OUT item text, OUT ok boolean, OUT detail text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls_check(text) IS 'connects to a source and says what works and what does not';
REVOKE ALL ON FUNCTION mls_check(text) FROM PUBLIC;

CREATE FUNCTION mls_dataset_inspect(
	server text, OUT resource text, OUT field text, OUT type text, OUT written text, OUT is_key boolean, OUT samples text[], OUT remark text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls_dataset_inspect(text) IS 'what the files of a dataset are and which tables IMPORT FOREIGN SCHEMA would make of them, with samples; all files are read, and nothing is made. Rows without a field are about a resource, those without a resource about what was found beside them';
REVOKE ALL ON FUNCTION mls_dataset_inspect(text) FROM PUBLIC;

CREATE FUNCTION mls_objects(
	source text, resource text, key text, type text DEFAULT 'Photo', location boolean DEFAULT true,
	object text DEFAULT '*',
	OUT content_id text, OUT object_id text, OUT content_type text, OUT description text,
	OUT preferred boolean, OUT location text, OUT bytes bytea)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls_objects(text, text, text, text, boolean, text) IS 'files of a record of a RETS source, such as photos: their addresses, or with location false their bytes; one request';
REVOKE ALL ON FUNCTION mls_objects(text, text, text, text, boolean, text) FROM PUBLIC;
