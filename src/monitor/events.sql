-- What a run means to others: a notification for who listens, and totals that
-- pruning does not lower.  Triggers on mls.run do both, in the transaction that
-- changes the run's status, so nothing is told that did not happen.

CREATE TABLE mls.counter (
    subscription bigint NOT NULL REFERENCES mls.subscription ON DELETE CASCADE,
    process      text NOT NULL,
    finished     bigint NOT NULL DEFAULT 0,
    failed       bigint NOT NULL DEFAULT 0,
    requests     bigint NOT NULL DEFAULT 0,
    received     bigint NOT NULL DEFAULT 0,
    inserted     bigint NOT NULL DEFAULT 0,
    updated      bigint NOT NULL DEFAULT 0,
    deleted      bigint NOT NULL DEFAULT 0,
    bad_values   bigint NOT NULL DEFAULT 0,
    bytes        bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (subscription, process)
);
COMMENT ON TABLE mls.counter IS 'totals of all runs that ended, those that were pruned included; see mls_metrics()';
COMMENT ON COLUMN mls.counter.subscription IS 'the subscription';
COMMENT ON COLUMN mls.counter.process IS 'the process';
COMMENT ON COLUMN mls.counter.finished IS 'runs that succeeded';
COMMENT ON COLUMN mls.counter.failed IS 'runs that failed, were cancelled or crashed';
COMMENT ON COLUMN mls.counter.requests IS 'requests sent';
COMMENT ON COLUMN mls.counter.received IS 'records received';
COMMENT ON COLUMN mls.counter.inserted IS 'records that were new';
COMMENT ON COLUMN mls.counter.updated IS 'records that had changed';
COMMENT ON COLUMN mls.counter.deleted IS 'records that were removed';
COMMENT ON COLUMN mls.counter.bad_values IS 'values and records that did not fit';
COMMENT ON COLUMN mls.counter.bytes IS 'bytes received after decompression';

ALTER TABLE mls.counter ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.counter FOR SELECT
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
GRANT SELECT ON mls.counter TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.counter', '');

CREATE FUNCTION mls.count_run() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    INSERT INTO mls.counter AS c (subscription, process, finished, failed, requests, received,
                                  inserted, updated, deleted, bad_values, bytes)
    VALUES (new.subscription, new.process, (new.status = 'finished')::integer,
            (new.status <> 'finished')::integer, new.requests, new.received, new.inserted,
            new.updated, new.deleted, new.bad_values, new.bytes)
    ON CONFLICT (subscription, process) DO UPDATE SET
        finished = c.finished + excluded.finished, failed = c.failed + excluded.failed,
        requests = c.requests + excluded.requests, received = c.received + excluded.received,
        inserted = c.inserted + excluded.inserted, updated = c.updated + excluded.updated,
        deleted = c.deleted + excluded.deleted, bad_values = c.bad_values + excluded.bad_values,
        bytes = c.bytes + excluded.bytes;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION mls.count_run() IS 'trigger on mls.run: adds a run that ended to mls.counter';

-- finished after a run that was not is recovered.
CREATE FUNCTION mls.event_of(run bigint, subscription bigint, process text, status text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE WHEN status = 'running' THEN 'started'
            WHEN status <> 'finished' THEN 'failed'
            WHEN (SELECT r.status FROM mls.run r
                   WHERE r.subscription = event_of.subscription AND r.process = event_of.process
                     AND r.id < run
                   ORDER BY r.id DESC LIMIT 1) <> 'finished' THEN 'recovered'
            ELSE 'finished' END;
$$;
COMMENT ON FUNCTION mls.event_of(bigint, bigint, text, text)
    IS 'started, finished, failed or recovered: what the status of a run means';

-- Whoever may connect to the database may listen: so it is told that something has become
-- of a resource, and no more.  What, mls_history tells those who may see it.  Of tenants not
-- even that is told.
CREATE FUNCTION mls.tell_run() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM pg_notify('mls', json_build_object(
                'event', mls.event_of(new.id, new.subscription, new.process, new.status),
                'source', s.source, 'resource', s.resource)::text)
       FROM mls.subscription s WHERE s.id = new.subscription AND NOT EXISTS (SELECT FROM mls.tenants_of(s.owner));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION mls.tell_run() IS 'trigger on mls.run: notifies the channel mls';

CREATE TRIGGER tell_start AFTER INSERT ON mls.run
    FOR EACH ROW WHEN (new.status = 'running' AND new.subscription IS NOT NULL) EXECUTE FUNCTION mls.tell_run();
CREATE TRIGGER tell_end AFTER UPDATE OF status ON mls.run
    FOR EACH ROW WHEN (old.status = 'running' AND new.status <> 'running' AND new.subscription IS NOT NULL)
    EXECUTE FUNCTION mls.tell_run();
CREATE TRIGGER count_end AFTER UPDATE OF status ON mls.run
    FOR EACH ROW WHEN (old.status = 'running' AND new.status <> 'running' AND new.subscription IS NOT NULL)
    EXECUTE FUNCTION mls.count_run();
COMMENT ON TRIGGER tell_start ON mls.run IS 'notifies that a run started';
COMMENT ON TRIGGER tell_end ON mls.run IS 'notifies that a run finished, failed or recovered';
COMMENT ON TRIGGER count_end ON mls.run IS 'adds the run to the totals';

REVOKE ALL ON FUNCTION mls.count_run(), mls.event_of(bigint, bigint, text, text), mls.tell_run() FROM PUBLIC;
