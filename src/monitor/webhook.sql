-- What a webhook is to be told: queued in the transaction in which it happened,
-- posted later by a worker, and deleted when the receiver has taken it.

CREATE TABLE mls.webhook (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription    bigint NOT NULL REFERENCES mls.subscription ON DELETE CASCADE,
    body            text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    last_error      text
);
CREATE INDEX ON mls.webhook (subscription);
COMMENT ON TABLE mls.webhook IS 'events of runs that the webhook of a source has not taken yet';
COMMENT ON COLUMN mls.webhook.id IS 'number of the delivery';
COMMENT ON COLUMN mls.webhook.subscription IS 'the subscription whose run it is about';
COMMENT ON COLUMN mls.webhook.body IS 'what is posted, in JSON';
COMMENT ON COLUMN mls.webhook.created_at IS 'when it happened';
COMMENT ON COLUMN mls.webhook.attempts IS 'how often it was posted in vain, or is being posted';
COMMENT ON COLUMN mls.webhook.next_attempt_at IS 'it is not posted before then';
COMMENT ON COLUMN mls.webhook.last_error IS 'why the last attempt failed';

ALTER TABLE mls.webhook ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.webhook FOR SELECT
    USING (EXISTS (SELECT FROM mls.subscription s WHERE s.id = subscription));
GRANT SELECT ON mls.webhook TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.webhook', '');
SELECT pg_catalog.pg_extension_config_dump('mls.webhook_id_seq', '');

CREATE FUNCTION mls.server_option(foreign_table oid, option text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT o.option_value
  FROM pg_foreign_table t
  JOIN pg_foreign_server s ON s.oid = t.ftserver, pg_options_to_table(s.srvoptions) o
 WHERE t.ftrelid = foreign_table AND o.option_name = option;
$$;
COMMENT ON FUNCTION mls.server_option(oid, text)
    IS 'an option of the server behind a foreign table, or NULL';

CREATE FUNCTION mls.queue_run() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    sub mls.subscription;
    wanted text;
    event text;
BEGIN
    SELECT * INTO sub FROM mls.subscription s WHERE s.id = new.subscription;
    IF mls.server_option(sub.foreign_table, 'webhook') IS NULL THEN
        RETURN NULL;
    END IF;
    event := mls.event_of(new.id, new.subscription, new.process, new.status);
    wanted := coalesce(mls.server_option(sub.foreign_table, 'webhook_events'),
                       (SELECT o.default_value FROM @extschema@.mls_options() o
                         WHERE o.name = 'webhook_events'));
    IF event = ANY (regexp_split_to_array(wanted, '\s*,\s*')) THEN
        INSERT INTO mls.webhook (subscription, body)
        VALUES (sub.id, json_build_object(
                    'event', event, 'source', sub.source, 'resource', sub.resource,
                    'process', new.process, 'run', new.id, 'status', new.status,
                    'started_at', new.started_at, 'at', clock_timestamp(),
                    'requests', new.requests, 'pages', new.pages, 'received', new.received,
                    'inserted', new.inserted, 'updated', new.updated,
                    'unchanged', new.unchanged, 'deleted', new.deleted,
                    'bad_values', new.bad_values, 'bytes', new.bytes, 'note', new.note,
                    'error_class', new.error_class, 'sqlstate', new.sqlstate,
                    'message', new.message)::text);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION mls.queue_run() IS 'trigger on mls.run: queues an event for the webhook of its source';

CREATE TRIGGER queue_start AFTER INSERT ON mls.run
    FOR EACH ROW WHEN (new.status = 'running' AND new.subscription IS NOT NULL) EXECUTE FUNCTION mls.queue_run();
CREATE TRIGGER queue_end AFTER UPDATE OF status ON mls.run
    FOR EACH ROW WHEN (old.status = 'running' AND new.status <> 'running' AND new.subscription IS NOT NULL)
    EXECUTE FUNCTION mls.queue_run();
COMMENT ON TRIGGER queue_start ON mls.run IS 'queues that a run started for the webhook';
COMMENT ON TRIGGER queue_end ON mls.run IS 'queues that a run finished, failed or recovered for the webhook';

REVOKE ALL ON FUNCTION mls.server_option(oid, text), mls.queue_run() FROM PUBLIC;
