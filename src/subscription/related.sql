-- Subscriptions whose records come with those of another.

CREATE FUNCTION mls.feeder(subscription bigint, OUT subscription bigint, OUT expansion text)
    RETURNS record
    LANGUAGE c STABLE STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_feeder';
COMMENT ON FUNCTION mls.feeder(bigint)
    IS 'the first subscription whose syncs bring the records of this one, and where they stand there and in further ones (Property.Media, Member.Media), by the options of the foreign tables; NULLs if it is synced by itself; no network';
REVOKE ALL ON FUNCTION mls.feeder(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mls.feeder(bigint) TO pg_monitor;

