-- Marts: which there are, and of which tables and columns they consist (mart.tsv).

CREATE TABLE mls.mart_relation (
    relation       text PRIMARY KEY,
    place          integer NOT NULL,
    grain          text NOT NULL,
    constraint_sql text
);
COMMENT ON TABLE mls.mart_relation IS 'tables of a mart';
COMMENT ON COLUMN mls.mart_relation.relation IS 'its name';
COMMENT ON COLUMN mls.mart_relation.place IS 'in this order they are made';
COMMENT ON COLUMN mls.mart_relation.grain IS 'what a row is';
COMMENT ON COLUMN mls.mart_relation.constraint_sql IS 'a constraint besides its key';

CREATE TABLE mls.mart_column (
    relation   text NOT NULL REFERENCES mls.mart_relation,
    place      integer NOT NULL,
    name       text NOT NULL,
    type       text NOT NULL,
    part       text NOT NULL CHECK (part IN ('key', 'required', 'value', 'computed_at')),
    definition text NOT NULL,
    PRIMARY KEY (relation, name)
);
COMMENT ON TABLE mls.mart_column IS 'columns of the tables of a mart, with their definitions';
COMMENT ON COLUMN mls.mart_column.relation IS 'the table';
COMMENT ON COLUMN mls.mart_column.place IS 'its place there';
COMMENT ON COLUMN mls.mart_column.name IS 'its name';
COMMENT ON COLUMN mls.mart_column.type IS 'its type';
COMMENT ON COLUMN mls.mart_column.part IS 'key; required (never NULL); value; computed_at (no figure)';
COMMENT ON COLUMN mls.mart_column.definition IS 'what it says, by which fields';

GRANT SELECT ON mls.mart_relation, mls.mart_column TO pg_monitor;

CREATE TABLE mls.mart (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z0-9_]{0,52}$'),
    owner        regrole NOT NULL,
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    timezone     text NOT NULL,
    levels       text[] NOT NULL CHECK (cardinality(levels) > 0 AND levels <@ '{all,country,state,county,city,postal,area}'),
    coverage     jsonb NOT NULL CHECK (jsonb_typeof(coverage) = 'object'),
    thin         integer NOT NULL CHECK (thin >= 0),
    min_price    numeric NOT NULL CHECK (min_price >= 0),
    ratio_low    numeric NOT NULL,
    ratio_high   numeric NOT NULL CHECK (ratio_high > ratio_low),
    relist_days  integer NOT NULL CHECK (relist_days >= 0),
    co_agents    text NOT NULL CHECK (co_agents IN ('none', 'half', 'full')),
    position     bigint,
    as_of        date,
    definition   text,
    listings     bigint,
    built_at     timestamptz,
    refreshed_at timestamptz,
    failures     integer NOT NULL DEFAULT 0,
    problem      text,
    held         text,
    records      jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE mls.mart IS 'marts: their settings, and how far they are; mls_mart_create() adds one';
COMMENT ON COLUMN mls.mart.id IS 'number of the mart';
COMMENT ON COLUMN mls.mart.name IS 'its name, which is that of its schema';
COMMENT ON COLUMN mls.mart.owner IS 'role that made it; it is filled in its rights';
COMMENT ON COLUMN mls.mart.currency IS 'currency of listings that do not say it (X_Currency)';
COMMENT ON COLUMN mls.mart.timezone IS 'zone of sources whose server has no option timezone';
COMMENT ON COLUMN mls.mart.levels IS 'levels of places that agg_market_month has';
COMMENT ON COLUMN mls.mart.coverage IS '{source: first day of the first month that it has wholly}; of others it is found out';
COMMENT ON COLUMN mls.mart.thin IS 'with fewer closed sales a group is thin';
COMMENT ON COLUMN mls.mart.min_price IS 'prices of sales below are not counted';
COMMENT ON COLUMN mls.mart.ratio_low IS 'ratios of prices below are not counted, percent';
COMMENT ON COLUMN mls.mart.ratio_high IS 'nor are those above, percent';
COMMENT ON COLUMN mls.mart.relist_days IS 'a property that is listed again within so many days goes on counting its days on market';
COMMENT ON COLUMN mls.mart.co_agents IS 'what a co-agent has of a side: none, half (and the agent the other half) or full';
COMMENT ON COLUMN mls.mart.position IS 'number of the event up to which it is complete; NULL before the first run';
COMMENT ON COLUMN mls.mart.as_of IS 'the day that it was filled for';
COMMENT ON COLUMN mls.mart.definition IS 'hash of its settings and of the columns and policies of gold that it read: when it changes all is computed anew';
COMMENT ON COLUMN mls.mart.listings IS 'rows of fct_listing';
COMMENT ON COLUMN mls.mart.built_at IS 'when all of it was computed last';
COMMENT ON COLUMN mls.mart.refreshed_at IS 'when a run ended well last';
COMMENT ON COLUMN mls.mart.failures IS 'runs that failed since';
COMMENT ON COLUMN mls.mart.problem IS 'why the last run failed; NULL if it did not';
COMMENT ON COLUMN mls.mart.held IS 'why runs leave it as it is; NULL if they do not';
COMMENT ON COLUMN mls.mart.records IS 'hashes of what members, offices, showings and open houses are copied by';
ALTER TABLE mls.mart ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.mart FOR SELECT USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY monitor ON mls.mart FOR SELECT USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
GRANT SELECT ON mls.mart TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.mart', '');
SELECT pg_catalog.pg_extension_config_dump('mls.mart_id_seq', '');

CREATE TABLE mls.mart_own (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mart       bigint NOT NULL REFERENCES mls.mart ON DELETE CASCADE,
    relation   text NOT NULL,
    name       text NOT NULL,
    type       text,
    expression text NOT NULL,
    key        text[],
    definition text NOT NULL,
    UNIQUE (mart, relation, name),
    CHECK ((name = '') = (key IS NOT NULL) AND (name = '') = (type IS NULL))
);
COMMENT ON TABLE mls.mart_own IS 'columns and tables that users have added to marts; mls_mart_column() and mls_mart_table() add them';
COMMENT ON COLUMN mls.mart_own.id IS 'they are made in this order';
COMMENT ON COLUMN mls.mart_own.mart IS 'the mart';
COMMENT ON COLUMN mls.mart_own.relation IS 'the table that has the column, or that is one of its own';
COMMENT ON COLUMN mls.mart_own.name IS 'name of the column; empty for a table';
COMMENT ON COLUMN mls.mart_own.type IS 'type of the column';
COMMENT ON COLUMN mls.mart_own.expression IS 'SQL over r, the row of gold; for a table the query that it is filled with';
COMMENT ON COLUMN mls.mart_own.key IS 'columns by which rows of the table are one; if the first is listing_key, it is filled by listings';
COMMENT ON COLUMN mls.mart_own.definition IS 'what it says; the comment of the column or table';
ALTER TABLE mls.mart_own ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.mart_own FOR SELECT USING (EXISTS (SELECT FROM mls.mart m WHERE m.id = mart));
GRANT SELECT ON mls.mart_own TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.mart_own', '');
SELECT pg_catalog.pg_extension_config_dump('mls.mart_own_id_seq', '');

CREATE FUNCTION mls.oldest_uncounted(caller regrole, mart bigint) RETURNS timestamptz
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    -- mls.entity_event is made later.
    RETURN (
SELECT e.at FROM mls.mart m, mls.entity_event e
 WHERE m.id = oldest_uncounted.mart AND (pg_has_role(caller, m.owner, 'USAGE') OR pg_has_role(caller, 'pg_monitor', 'USAGE')) AND e.sequence > m.position AND e.resource = 'Property'
 ORDER BY e.sequence LIMIT 1);
END $$;
COMMENT ON FUNCTION mls.oldest_uncounted(regrole, bigint) IS 'when the first change of a listing happened that is not in the figures of a mart, of a caller or of any if he may monitor; NULL if there is none';
CREATE FUNCTION mls.oldest_uncounted(mart bigint) RETURNS timestamptz
    LANGUAGE c STABLE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.oldest_uncounted(bigint) IS 'part of mls_marts: the same for who calls it';
REVOKE ALL ON FUNCTION mls.oldest_uncounted(regrole, bigint), mls.oldest_uncounted(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mls.oldest_uncounted(bigint) TO pg_monitor;

CREATE VIEW mls_marts WITH (security_invoker = true) AS
SELECT m.name,
       CASE WHEN m.held IS NOT NULL THEN 'held' WHEN m.failures > 0 THEN 'failed' WHEN m.position IS NULL THEN 'new' ELSE 'filled' END AS state,
       m.listings, m.position, pg_catalog.now() - mls.oldest_uncounted(m.id) AS lag, m.as_of, m.built_at, m.refreshed_at, m.failures, m.problem, m.held, m.owner
  FROM mls.mart m;
COMMENT ON VIEW mls_marts IS 'marts, and how they are doing';
COMMENT ON COLUMN mls_marts.name IS 'name of the mart and of its schema';
COMMENT ON COLUMN mls_marts.state IS 'new (no run yet), filled, failed (the figures are those of the last run that did not) or held (runs leave it as it is)';
COMMENT ON COLUMN mls_marts.listings IS 'listings that count';
COMMENT ON COLUMN mls_marts.position IS 'number of the event up to which it is complete';
COMMENT ON COLUMN mls_marts.lag IS 'how long ago the first change was that is not in its figures; NULL if there is none';
COMMENT ON COLUMN mls_marts.as_of IS 'the day that it was filled for';
COMMENT ON COLUMN mls_marts.built_at IS 'when all of it was computed last';
COMMENT ON COLUMN mls_marts.refreshed_at IS 'when a run ended well last';
COMMENT ON COLUMN mls_marts.failures IS 'runs that failed since';
COMMENT ON COLUMN mls_marts.problem IS 'why the last one failed';
COMMENT ON COLUMN mls_marts.held IS 'why it is held';
COMMENT ON COLUMN mls_marts.owner IS 'role that made it';
GRANT SELECT ON mls_marts TO pg_monitor;
