-- What has to be true of records that arrive.

CREATE TABLE mls.arrival_map (
    protocol        text NOT NULL DEFAULT '*',
    source          text NOT NULL DEFAULT '*',
    source_resource text NOT NULL DEFAULT '*',
    name            text NOT NULL CHECK (name ~ '^[^[:cntrl:]]{1,100}$'),
    condition       text NOT NULL,
    action          text NOT NULL CHECK (action IN ('count', 'quarantine', 'off')),
    shipped         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (protocol, source, source_resource, name, shipped)
);
COMMENT ON TABLE mls.arrival_map IS 'rules for records that arrive; changed with mls_arrival_set()';
COMMENT ON COLUMN mls.arrival_map.protocol IS 'protocol whose sources the rule is for; * any';
COMMENT ON COLUMN mls.arrival_map.source IS 'foreign server the rule is for; * any';
COMMENT ON COLUMN mls.arrival_map.source_resource IS 'resource at the source; * each that has the columns';
COMMENT ON COLUMN mls.arrival_map.name IS 'its name, by which it is known in mls.issue; the rule for less of one name holds';
COMMENT ON COLUMN mls.arrival_map.condition IS 'SQL over the row r of silver that must not be false';
COMMENT ON COLUMN mls.arrival_map.action IS 'count: an issue; quarantine: the record stays in bronze, and is neither in silver nor in gold; off: the rule of that name for more does not hold here';
COMMENT ON COLUMN mls.arrival_map.shipped IS 'whether the row came with the extension; such rows are not dumped, and give way to others';
REVOKE ALL ON mls.arrival_map FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('mls.arrival_map', 'WHERE NOT shipped');

CREATE FUNCTION mls_arrival_set(
    name text,
    condition text,
    action text DEFAULT 'count',
    source text DEFAULT '*',
    source_resource text DEFAULT '*',
    protocol text DEFAULT '*')
    RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_arrival_set()', 'set rules');
    PERFORM mls.follow_renames();
    IF mls_arrival_set.condition IS NULL THEN
        DELETE FROM mls.arrival_map m
         WHERE NOT m.shipped AND (m.protocol, m.source, m.source_resource, m.name) = (mls_arrival_set.protocol, mls_arrival_set.source, mls_arrival_set.source_resource, mls_arrival_set.name);
        RETURN;
    ELSIF mls_arrival_set.action IS NULL OR mls_arrival_set.action NOT IN ('count', 'quarantine', 'off') THEN
        PERFORM mls.refuse('22023', format('"%s" is nothing to do with a record', mls_arrival_set.action), 'It is count, quarantine or off.');
    END IF;
    PERFORM mls.require_sql(mls_arrival_set.condition, false, 'a rule of arrival');
    INSERT INTO mls.arrival_map (protocol, source, source_resource, name, condition, action)
    VALUES (mls_arrival_set.protocol, mls_arrival_set.source, mls_arrival_set.source_resource, mls_arrival_set.name, mls_arrival_set.condition, mls_arrival_set.action)
    ON CONFLICT ON CONSTRAINT arrival_map_pkey DO UPDATE SET condition = excluded.condition, action = excluded.action;
END $$;
COMMENT ON FUNCTION mls_arrival_set(text, text, text, text, text, text)
    IS 'say what must be true of records that arrive, as SQL over the row r of silver (see mls.arrival_map), and what becomes of those of which it is false: count, quarantine or off; no condition removes the rule. The next mls_sync() looks at all of bronze again, without a download';
REVOKE ALL ON FUNCTION mls_arrival_set(text, text, text, text, text, text) FROM PUBLIC;
