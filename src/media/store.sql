-- Stores of files: servers of the protocol file.  mls_check() is in fdw.sql.
--
-- Whoever may use a server and has the keys for it may do all this without us; still nobody
-- may call the functions until told so, since they go out from this machine and its disk.

CREATE FUNCTION mls_store_put(store text, bytes bytea, extension text, content_type text) RETURNS text
	AS 'MODULE_PATHNAME', 'mls_store_put_sql' LANGUAGE C VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls_store_put(text, bytea, text, text) IS 'keeps a file in a store; its name there, <aa>/<sha256>.<extension>; not taken back by ROLLBACK';
REVOKE ALL ON FUNCTION mls_store_put(text, bytea, text, text) FROM PUBLIC;

CREATE FUNCTION mls_store_get(store text, name text) RETURNS bytea
	AS 'MODULE_PATHNAME', 'mls_store_get_sql' LANGUAGE C VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls_store_get(text, text) IS 'the bytes of a file of a store, up to 1 GB; NULL if it is not there';
REVOKE ALL ON FUNCTION mls_store_get(text, text) FROM PUBLIC;

CREATE FUNCTION mls_store_list(
	store text, prefix text DEFAULT '', after text DEFAULT '', most integer DEFAULT 1000,
	OUT name text, OUT bytes bigint, OUT modified_at timestamptz)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'mls_store_list_sql' LANGUAGE C VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls_store_list(text, text, text, integer) IS 'files of a store in the order of their names: those whose hash begins with prefix, behind the name after; at most so many';
REVOKE ALL ON FUNCTION mls_store_list(text, text, text, integer) FROM PUBLIC;

CREATE FUNCTION mls_store_delete(store text, names text[]) RETURNS void
	AS 'MODULE_PATHNAME', 'mls_store_delete_sql' LANGUAGE C VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls_store_delete(text, text[]) IS 'deletes files of a store; those that are not there are no error; not taken back by ROLLBACK';
REVOKE ALL ON FUNCTION mls_store_delete(text, text[]) FROM PUBLIC;

CREATE FUNCTION mls_store_sweep(store text) RETURNS bigint
	AS 'MODULE_PATHNAME', 'mls_store_sweep_sql' LANGUAGE C VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls_store_sweep(text) IS 'removes what writes that never ended have left in a store, when their process is known to be over or it is older than a day; how many';
REVOKE ALL ON FUNCTION mls_store_sweep(text) FROM PUBLIC;

CREATE FUNCTION mls_store_adopt(store text) RETURNS void
	AS 'MODULE_PATHNAME', 'mls_store_adopt_sql' LANGUAGE C VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls_store_adopt(text) IS 'makes the place of a store that of this server of this database, whatever its file .mls_store names: after pg_upgrade or a restore, or where the other is gone; if that still keeps files there, each removes those of the other';
REVOKE ALL ON FUNCTION mls_store_adopt(text) FROM PUBLIC;

CREATE FUNCTION mls_store_link(store text, name text, valid interval DEFAULT '1 hour') RETURNS text
	AS 'MODULE_PATHNAME', 'mls_store_link_sql' LANGUAGE C VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls_store_link(text, text, interval) IS 'an address by which whoever has it can read a file of a store in S3 for so long, up to 7 days; NULL for a directory; no network, whether the file is there is not asked';
REVOKE ALL ON FUNCTION mls_store_link(text, text, interval) FROM PUBLIC;
