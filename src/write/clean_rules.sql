-- What is done with the strings of records on their way into silver.

CREATE TABLE mls.clean_map (
    protocol        text NOT NULL DEFAULT '*',
    source          text NOT NULL DEFAULT '*',
    source_resource text NOT NULL DEFAULT '*',
    field           text NOT NULL DEFAULT '*',
    steps           text[] NOT NULL,
    shipped         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (protocol, source, source_resource, field, shipped),
    CONSTRAINT clean_map_steps CHECK (steps <@ '{trim,empty,lower,number}')
);
COMMENT ON TABLE mls.clean_map IS 'rules for the strings of records on their way into silver; changed with mls_clean_set()';
COMMENT ON COLUMN mls.clean_map.protocol IS 'protocol whose sources the rule is for; * any';
COMMENT ON COLUMN mls.clean_map.source IS 'foreign server the rule is for; * any';
COMMENT ON COLUMN mls.clean_map.source_resource IS 'resource at the source; * each';
COMMENT ON COLUMN mls.clean_map.field IS 'field of the source; * each that has no rule of its own';
COMMENT ON COLUMN mls.clean_map.steps IS 'trim: no blanks around it; empty: an empty one is NULL; lower: ASCII letters small; number: for columns of numbers, without currency and thousands separators, and nan is NULL. None: left as it is';
COMMENT ON COLUMN mls.clean_map.shipped IS 'whether the row came with the extension; such rows are not dumped, and give way to others';
REVOKE ALL ON mls.clean_map FROM PUBLIC;
GRANT SELECT ON mls.clean_map TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('mls.clean_map', 'WHERE NOT shipped');

INSERT INTO mls.clean_map (protocol, source_resource, field, steps, shipped) VALUES
  ('qobrix', '*', '*', '{trim,empty,number}', true),
  ('qobrix', '*', 'email', '{trim,empty,lower}', true),
  ('qobrix', '*', 'email_2', '{trim,empty,lower}', true);

CREATE FUNCTION mls_clean_set(
    steps text[],
    field text DEFAULT '*',
    source text DEFAULT '*',
    source_resource text DEFAULT '*',
    protocol text DEFAULT '*')
    RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known constant text[] := '{trim,empty,lower,number}';
    wrong text;
BEGIN
    PERFORM mls.refuse_standby('mls_clean_set()', 'set rules');
    PERFORM mls.follow_renames();
    SELECT s INTO wrong FROM unnest(mls_clean_set.steps) s WHERE s IS NULL OR s <> ALL (known) LIMIT 1;
    IF FOUND THEN
        PERFORM mls.refuse('22023', format('there is no step of cleaning "%s"', wrong),
            coalesce('Perhaps you meant "' || mls.nearest(wrong, known) || '".',
                     format('Steps are: %s.', array_to_string(known, ', '))));
    END IF;
    INSERT INTO mls.clean_map (protocol, source, source_resource, field, steps)
    VALUES (mls_clean_set.protocol, mls_clean_set.source, mls_clean_set.source_resource,
            mls_clean_set.field, mls_clean_set.steps)
    ON CONFLICT ON CONSTRAINT clean_map_pkey DO UPDATE SET steps = excluded.steps;
END $$;
COMMENT ON FUNCTION mls_clean_set(text[], text, text, text, text)
    IS 'set what is done with the strings of a field on their way into silver (see mls.clean_map); the next mls_sync() fills silver again from bronze, without a download';
REVOKE ALL ON FUNCTION mls_clean_set(text[], text, text, text, text) FROM PUBLIC;
