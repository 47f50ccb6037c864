-- A load of everything that several processes share: ranges of timestamps, each
-- with the position it has reached.  They are there from the beginning of such a
-- load to its end, however often it is interrupted.

CREATE TABLE mls.range (
    subscription     bigint NOT NULL REFERENCES mls.subscription ON DELETE CASCADE,
    number           integer NOT NULL,
    lower_bound      text,
    upper_bound      text,
    untimed          boolean NOT NULL DEFAULT false,
    since            timestamptz NOT NULL,
    expected         bigint NOT NULL,
    received         bigint NOT NULL DEFAULT 0,
    resume_timestamp text,
    resume_key       text,
    resume_link      text,
    resume_received  bigint NOT NULL DEFAULT 0,
    resume_since     timestamptz,
    newest_timestamp text,
    newest_key       text,
    done             boolean NOT NULL DEFAULT false,
    PRIMARY KEY (subscription, number)
);
COMMENT ON TABLE mls.range IS 'parts of a load that several processes share; gone when all are done';
COMMENT ON COLUMN mls.range.subscription IS 'the subscription that is loaded';
COMMENT ON COLUMN mls.range.number IS 'number of the part';
COMMENT ON COLUMN mls.range.lower_bound IS 'it has records modified from then on; NULL for no bound';
COMMENT ON COLUMN mls.range.upper_bound IS 'and before then; NULL for no bound';
COMMENT ON COLUMN mls.range.untimed IS 'instead, it has the records without a timestamp';
COMMENT ON COLUMN mls.range.since IS 'when the load began, by the clock of the source';
COMMENT ON COLUMN mls.range.expected IS 'records the source counted in it';
COMMENT ON COLUMN mls.range.received IS 'records received of it';
COMMENT ON COLUMN mls.range.resume_timestamp IS 'timestamp its reading has reached';
COMMENT ON COLUMN mls.range.resume_key IS 'key its reading has reached';
COMMENT ON COLUMN mls.range.resume_link IS 'link at which its reading goes on, if it follows links';
COMMENT ON COLUMN mls.range.resume_received IS 'records received on the way to that link';
COMMENT ON COLUMN mls.range.resume_since IS 'when its reading began, by the clock of the source';
COMMENT ON COLUMN mls.range.newest_timestamp IS 'newest timestamp met in it, once it is done';
COMMENT ON COLUMN mls.range.newest_key IS 'key of that record';
COMMENT ON COLUMN mls.range.done IS 'whether all of it is here';

ALTER TABLE mls.range ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.range FOR SELECT
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
GRANT SELECT ON mls.range TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.range', '');
