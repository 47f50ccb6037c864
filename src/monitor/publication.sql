-- Gold in other clusters, by logical replication: statements that make its tables
-- there, and what would stop the subscribers of a publication.

-- Tables of gold, by what only they have.
CREATE VIEW mls.gold_relation AS
SELECT c.oid::regclass AS gold, c.relnamespace::regnamespace AS schema
  FROM pg_catalog.pg_class c
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND NOT a.attisdropped
           AND a.attname IN ('mls_source', 'mls_origin', 'mls_source_key', 'mls_updated_at')) = 4;
COMMENT ON VIEW mls.gold_relation IS 'the tables of gold';
COMMENT ON COLUMN mls.gold_relation.gold IS 'the table';
COMMENT ON COLUMN mls.gold_relation.schema IS 'its schema';

CREATE FUNCTION mls_gold_ddl() RETURNS SETOF text
    LANGUAGE sql STABLE ROWS 50
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT statement FROM (
    SELECT 1 AS step, '' AS name, 'SET client_min_messages = warning;' AS statement
     UNION ALL
    SELECT 2, schema::text, format('CREATE SCHEMA IF NOT EXISTS %s;', schema)
      FROM (SELECT DISTINCT schema FROM mls.gold_relation) s
     UNION ALL
    -- The columns of the key first, for the table cannot get its key later ...
    SELECT 3, g.gold::text,
           format('CREATE TABLE IF NOT EXISTS %s (%s, %s);', g.gold,
                  string_agg(format('%I %s NOT NULL', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum),
                  pg_get_constraintdef(k.oid))
      FROM mls.gold_relation g
      JOIN pg_constraint k ON k.conrelid = g.gold AND k.contype = 'p'
      JOIN pg_attribute a ON a.attrelid = g.gold AND a.attnum = ANY (k.conkey)
     GROUP BY g.gold, k.oid
     UNION ALL
    -- ... then whatever is missing of the others.
    SELECT 4, g.gold::text,
           format('ALTER TABLE %s %s;', g.gold,
                  string_agg(format('ADD COLUMN IF NOT EXISTS %I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum))
      FROM mls.gold_relation g
      JOIN pg_attribute a ON a.attrelid = g.gold AND a.attnum > 0 AND NOT a.attisdropped
     WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = g.gold AND k.contype = 'p' AND a.attnum = ANY (k.conkey))
     GROUP BY g.gold
     UNION ALL
    SELECT 5, i.indexrelid::regclass::text,
           regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE( UNIQUE)? INDEX ', 'CREATE\1 INDEX IF NOT EXISTS ') || ';'
      FROM mls.gold_relation g JOIN pg_index i ON i.indrelid = g.gold AND NOT i.indisprimary AND i.indisvalid) s
 ORDER BY step, name;
$$;
COMMENT ON FUNCTION mls_gold_ddl() IS 'statements that make the tables of gold in another cluster, or add what they lack there; they can be run again and again';

-- What stands in the way of the subscribers of gold, or is about to.
CREATE VIEW mls.publication_fault WITH (security_invoker = true) AS
WITH published AS (
    SELECT g.gold, p.pubname,
           EXISTS (SELECT FROM pg_catalog.pg_publication_rel r
                    WHERE r.prpubid = p.oid AND r.prrelid = g.gold AND r.prattrs IS NOT NULL) AS named
      FROM mls.gold_relation g
      JOIN pg_catalog.pg_publication_tables t ON coalesce(pg_catalog.pg_partition_root(pg_catalog.format('%I.%I', t.schemaname, t.tablename)::regclass), pg_catalog.format('%I.%I', t.schemaname, t.tablename)::regclass) = g.gold
      JOIN pg_catalog.pg_publication p ON p.pubname = t.pubname)
SELECT 'warning' AS level,
       pg_catalog.format('%s is about to gain columns for %s: make them at the subscribers of %s before mls_schema_accept()', p.gold,
                         pg_catalog.string_agg(DISTINCT f.field, ', '), pg_catalog.string_agg(DISTINCT p.pubname::text, ', ')) AS message
  FROM published p
  JOIN mls.subscription s ON s.gold = p.gold
  JOIN mls.remote_field f ON f.subscription = s.id AND f.pending = 'addition' AND f.removed_at IS NULL
 WHERE NOT p.named
 GROUP BY p.gold
 UNION ALL
SELECT 'warning',
       pg_catalog.format('%s is published by %s with all its columns, and source %s adds columns by itself: its subscribers stop at the next one; set schema_policy to freeze',
                         p.gold, pg_catalog.string_agg(DISTINCT p.pubname::text, ', '), pg_catalog.string_agg(DISTINCT s.source, ', '))
  FROM published p
  JOIN mls.subscription s ON s.gold = p.gold
  JOIN pg_catalog.pg_foreign_server v ON v.srvname = s.source
 WHERE NOT p.named
   AND coalesce((SELECT o.option_value FROM pg_catalog.pg_options_to_table(v.srvoptions) o
                  WHERE o.option_name = 'schema_policy'), 'evolve') = 'evolve'
 GROUP BY p.gold
 UNION ALL
SELECT CASE WHEN r.wal_status IN ('unreserved', 'lost') THEN 'critical' ELSE 'warning' END,
       pg_catalog.format('replication slot %s %s%s', r.slot_name,
                         CASE WHEN r.wal_status = 'lost' THEN 'has lost its WAL: its subscription has to be made anew'
                              ELSE pg_catalog.format('is read by nobody and keeps %s of WAL', pg_catalog.pg_size_pretty(
                                       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), r.restart_lsn))) END,
                         coalesce('; published: ' || (SELECT pg_catalog.string_agg(DISTINCT p.gold::text, ', ') FROM published p)
                                  || coalesce('; not published: ' || (SELECT pg_catalog.string_agg(g.gold::text, ', ' ORDER BY g.gold::text) FROM mls.gold_relation g
                                                                      WHERE g.gold NOT IN (SELECT p.gold FROM published p)), ''), ''))
  FROM pg_catalog.pg_replication_slots r
 WHERE r.slot_type = 'logical' AND r.database = pg_catalog.current_database() AND NOT r.active AND NOT r.temporary
   AND NOT pg_catalog.pg_is_in_recovery();
COMMENT ON VIEW mls.publication_fault IS 'what stops the subscribers of gold, or is about to; see mls_health()';
COMMENT ON COLUMN mls.publication_fault.level IS 'warning or critical';
COMMENT ON COLUMN mls.publication_fault.message IS 'a sentence';
GRANT SELECT ON mls.gold_relation, mls.publication_fault TO pg_monitor;
REVOKE ALL ON FUNCTION mls_gold_ddl() FROM PUBLIC;
