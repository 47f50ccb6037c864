-- Gold whose rows stand on several machines: what statements of one machine say to all of them.

CREATE FUNCTION mls.gold_rows(query text, keys text[] DEFAULT NULL) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'mls_gold_rows_sql' LANGUAGE C VOLATILE
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.gold_rows(text, text[]) IS 'the rows of a query over distributed gold, with keys as $1; none if there are no keys';

CREATE FUNCTION mls.gold_write(command text, given anyarray) RETURNS SETOF pg_catalog.void
    AS 'MODULE_PATHNAME', 'mls_gold_write_sql' LANGUAGE C VOLATILE STRICT
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.gold_write(text, anyarray) IS 'runs a command over distributed gold, with an array of keys or rows as $1, unless it is empty';

CREATE FUNCTION mls.gold_from(gold regclass, VARIADIC columns text[]) RETURNS text
    AS 'MODULE_PATHNAME', 'mls_gold_from_sql' LANGUAGE C STABLE STRICT
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.gold_from(regclass, text[]) IS 'a table of gold as SQL for FROM beside local tables: these columns of it where it is distributed';

CREATE FUNCTION mls.claim_sources() RETURNS void
    AS 'MODULE_PATHNAME', 'mls_claim_sources' LANGUAGE C VOLATILE
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.claim_sources() IS 'notes that this node syncs the sources of its subscriptions, in mls.source_node, which stands on every node';

CREATE FUNCTION mls.release_sources() RETURNS void
    AS 'MODULE_PATHNAME', 'mls_release_sources' LANGUAGE C VOLATILE
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.release_sources() IS 'takes mls.source_node away when nothing else is distributed';

CREATE FUNCTION mls.note_source_node(source text, node integer) RETURNS void
    AS 'MODULE_PATHNAME', 'mls_note_source_node' LANGUAGE C VOLATILE STRICT
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mls.note_source_node(text, integer) IS 'part of mls_move_source(): another node syncs a source from now on';

REVOKE ALL ON FUNCTION mls.gold_rows(text, text[]), mls.gold_write(text, anyarray), mls.gold_from(regclass, text[]),
    mls.claim_sources(), mls.release_sources(), mls.note_source_node(text, integer) FROM PUBLIC;
