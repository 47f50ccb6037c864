-- Push: events of records posted to receivers, so that these need not ask (RESO RCP-28).
--
-- A receiver is a consumer who has said where to.  Nothing is queued for it: what it gets is
-- what EntityEvent shows that consumer behind the last number that the receiver has taken.

CREATE TABLE mls.push (
    consumer        text PRIMARY KEY REFERENCES mls.consumer ON DELETE CASCADE,
    url             text NOT NULL,
    event_source    text,
    batch           integer NOT NULL DEFAULT 500 CHECK (batch BETWEEN 1 AND 10000),
    acknowledged    bigint NOT NULL,
    known           bigint NOT NULL,
    paused          boolean NOT NULL DEFAULT false,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    taken_at        timestamptz,
    last_status     integer,
    last_error      text
);
COMMENT ON TABLE mls.push IS 'receivers to which events of records are posted; see mls_push_add()';
COMMENT ON COLUMN mls.push.consumer IS 'the consumer whose events they are';
COMMENT ON COLUMN mls.push.url IS 'where they are posted';
COMMENT ON COLUMN mls.push.event_source IS 'header EntityEventSource; NULL for none';
COMMENT ON COLUMN mls.push.batch IS 'events in a request at most';
COMMENT ON COLUMN mls.push.acknowledged IS 'number of the last event that the receiver has taken, or that is not for it';
COMMENT ON COLUMN mls.push.known IS 'number of the last event there was when it was looked last';
COMMENT ON COLUMN mls.push.paused IS 'whether nothing is posted for now';
COMMENT ON COLUMN mls.push.attempts IS 'how often the events that are next were posted in vain, or are being posted';
COMMENT ON COLUMN mls.push.next_attempt_at IS 'nothing is posted before then';
COMMENT ON COLUMN mls.push.taken_at IS 'when it has taken events last';
COMMENT ON COLUMN mls.push.last_status IS 'status of its last answer; NULL for none';
COMMENT ON COLUMN mls.push.last_error IS 'why the last attempt failed; NULL if it did not';

CREATE TABLE mls.push_token (
    consumer text PRIMARY KEY REFERENCES mls.push ON DELETE CASCADE,
    token    text NOT NULL
);
COMMENT ON TABLE mls.push_token IS 'bearer tokens of receivers; nobody but the owner of this table reads it';
COMMENT ON COLUMN mls.push_token.consumer IS 'the receiver';
COMMENT ON COLUMN mls.push_token.token IS 'what it wants to be shown';

ALTER TABLE mls.push ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.push_token ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.push FOR SELECT USING (EXISTS (SELECT FROM mls.consumer c WHERE c.consumer = push.consumer));
CREATE POLICY monitor ON mls.push FOR SELECT USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
GRANT SELECT ON mls.push TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.push', '');
SELECT pg_catalog.pg_extension_config_dump('mls.push_token', '');

CREATE VIEW mls.push_status WITH (security_invoker = true) AS
SELECT p.consumer, p.url,
       CASE WHEN p.paused THEN 'paused' WHEN p.last_error IS NOT NULL THEN 'failing' WHEN p.acknowledged < p.known THEN 'behind' ELSE 'up to date' END AS state,
       p.acknowledged, p.known - p.acknowledged AS behind, p.taken_at, p.attempts, CASE WHEN p.next_attempt_at > pg_catalog.now() THEN p.next_attempt_at END AS next_attempt_at,
       p.last_status, p.last_error
  FROM mls.push p;
COMMENT ON VIEW mls.push_status IS 'how receivers of events are doing';
COMMENT ON COLUMN mls.push_status.consumer IS 'the consumer';
COMMENT ON COLUMN mls.push_status.url IS 'where events are posted';
COMMENT ON COLUMN mls.push_status.state IS 'up to date, behind, failing or paused';
COMMENT ON COLUMN mls.push_status.acknowledged IS 'number of the last event that it has taken, or that is not for it';
COMMENT ON COLUMN mls.push_status.behind IS 'by how many numbers it was behind when it was looked last; events at most';
COMMENT ON COLUMN mls.push_status.taken_at IS 'when it has taken events last';
COMMENT ON COLUMN mls.push_status.attempts IS 'how often the events that are next were posted in vain';
COMMENT ON COLUMN mls.push_status.next_attempt_at IS 'when they are posted again; NULL: any time';
COMMENT ON COLUMN mls.push_status.last_status IS 'status of its last answer';
COMMENT ON COLUMN mls.push_status.last_error IS 'why the last attempt failed';
GRANT SELECT ON mls.push_status TO pg_monitor;

-- ---- Receivers ----

CREATE FUNCTION mls.note_push(caller regrole, action text, consumer text, settings jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.consumer;
    pushed mls.push;
    last bigint := mls.last_event();
BEGIN
    SELECT * INTO known FROM mls.consumer c WHERE c.consumer = note_push.consumer;
    IF known.consumer IS NULL OR NOT pg_has_role(caller, known.owner, 'USAGE') THEN
        PERFORM mls.refuse('42704', format('there is no consumer "%s" of yours', consumer), 'mls.consumer lists them.');
    END IF;
    SELECT * INTO pushed FROM mls.push p WHERE p.consumer = note_push.consumer FOR UPDATE;
    IF action = 'add' AND pushed.consumer IS NOT NULL THEN
        PERFORM mls.refuse('42710', format('events are posted to consumer "%s" already', consumer), 'mls_push_alter() changes where.');
    ELSIF action <> 'add' AND pushed.consumer IS NULL THEN
        PERFORM mls.refuse('42704', format('no events are posted to consumer "%s"', consumer), 'mls_push_add() says where to.');
    END IF;
    -- Addresses are judged when they are asked, like those of sources.
    IF settings ->> 'url' !~* '^https?://[^/?#@[:space:][:cntrl:]]+([/?][^#[:space:][:cntrl:]]*)?$' OR length(settings ->> 'url') > 2000 THEN
        PERFORM mls.refuse('22023', 'this is no address to post events to', 'It begins with https:// and has neither a password nor a #.');
    ELSIF settings ->> 'token' !~ '^[!-~]+$' OR length(settings ->> 'token') > 4000 THEN
        PERFORM mls.refuse('22023', 'this is no bearer token', 'It has 1 to 4,000 characters of ASCII and no blanks.');
    ELSIF settings ->> 'event_source' !~ '^[ -~]+$' OR length(settings ->> 'event_source') > 255 THEN
        PERFORM mls.refuse('22023', 'this is no value of the header EntityEventSource', 'It has 1 to 255 characters of ASCII.');
    ELSIF (settings ->> 'batch')::integer NOT BETWEEN 1 AND 10000 THEN
        PERFORM mls.refuse('22023', 'a request has 1 to 10,000 events');
    ELSIF (settings ->> 'since')::bigint NOT BETWEEN 0 AND last THEN
        PERFORM mls.refuse('22023', format('there is no event %s', settings ->> 'since'), format('The last one is %s.', last));
    END IF;
    CASE action
    WHEN 'add' THEN
        INSERT INTO mls.push (consumer, url, event_source, batch, acknowledged, known)
        VALUES (consumer, settings ->> 'url', settings ->> 'event_source', coalesce((settings ->> 'batch')::integer, 500), coalesce((settings ->> 'since')::bigint, last), last);
        INSERT INTO mls.push_token VALUES (consumer, settings ->> 'token');
    WHEN 'alter' THEN
        UPDATE mls.push p
           SET url = coalesce(settings ->> 'url', p.url), event_source = coalesce(settings ->> 'event_source', p.event_source),
               batch = coalesce((settings ->> 'batch')::integer, p.batch), paused = coalesce((settings ->> 'paused')::boolean, p.paused),
               attempts = 0, next_attempt_at = now(), last_error = NULL
         WHERE p.consumer = note_push.consumer;
        UPDATE mls.push_token t SET token = settings ->> 'token' WHERE t.consumer = note_push.consumer AND settings ? 'token';
    WHEN 'resend' THEN
        UPDATE mls.push p SET acknowledged = (settings ->> 'since')::bigint, known = last, attempts = 0, next_attempt_at = now(), last_error = NULL
         WHERE p.consumer = note_push.consumer;
    WHEN 'remove' THEN
        DELETE FROM mls.push p WHERE p.consumer = note_push.consumer;
    END CASE;
END $$;
COMMENT ON FUNCTION mls.note_push(regrole, text, text, jsonb) IS 'adds, alters or removes a receiver, or has it get events again, for a caller who may';
CREATE FUNCTION mls.note_push(action text, consumer text, settings jsonb) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_push(text, text, jsonb) IS 'part of mls_push_...(): the same for who calls it';

CREATE FUNCTION mls_push_add(consumer text, url text, token text, since bigint DEFAULT NULL, event_source text DEFAULT NULL, batch integer DEFAULT 500) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_push_add()', 'add receivers');
    IF url IS NULL OR token IS NULL THEN
        PERFORM mls.refuse('22023', 'a receiver has an address and a bearer token');
    END IF;
    PERFORM mls.note_push('add', consumer, jsonb_strip_nulls(jsonb_build_object('url', url, 'token', token, 'since', since, 'event_source', event_source, 'batch', batch)));
END $$;
COMMENT ON FUNCTION mls_push_add(text, text, text, bigint, text, integer)
    IS 'post events of records that a consumer may see to an address, with a bearer token: those behind a number (0: all), or from now on; event_source is the header EntityEventSource, batch the most events in a request';

CREATE FUNCTION mls_push_alter(consumer text, url text DEFAULT NULL, token text DEFAULT NULL, event_source text DEFAULT NULL, batch integer DEFAULT NULL, paused boolean DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_push_alter()', 'alter receivers');
    PERFORM mls.note_push('alter', consumer, jsonb_strip_nulls(jsonb_build_object('url', url, 'token', token, 'event_source', event_source, 'batch', batch, 'paused', paused)));
END $$;
COMMENT ON FUNCTION mls_push_alter(text, text, text, text, integer, boolean)
    IS 'change where events are posted to, with what, or whether; what is NULL stays. The next attempt is due at once';

CREATE FUNCTION mls_push_resend(consumer text, since bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_push_resend()', 'resend events');
    IF since IS NULL THEN
        PERFORM mls.refuse('22023', 'say behind which number: 0 for all');
    END IF;
    PERFORM mls.note_push('resend', consumer, jsonb_build_object('since', since));
END $$;
COMMENT ON FUNCTION mls_push_resend(text, bigint) IS 'have a receiver get all events behind a number (0: all), again or from there on';

CREATE FUNCTION mls_push_remove(consumer text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_push_remove()', 'remove receivers');
    PERFORM mls.note_push('remove', consumer, '{}');
END $$;
COMMENT ON FUNCTION mls_push_remove(text) IS 'post a consumer no more events, and forget its token';

-- ---- Posting ----

CREATE FUNCTION mls.delivery_delay(attempts integer) RETURNS interval
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT least(interval '10 seconds' * 2 ^ least(greatest(attempts, 1) - 1, 20), interval '1 hour') $$;
COMMENT ON FUNCTION mls.delivery_delay(integer) IS 'how long a receiver is left alone after so many failures: 10 seconds, twice as long each time, an hour at most';

-- What is due, one batch for each receiver, as its consumer sees it.  It comes due again some
-- time later, unless it is taken until then: so another process leaves it alone, and one that
-- is killed loses nothing.
CREATE FUNCTION mls.push_take(caller regrole, OUT consumer text, OUT url text, OUT token text, OUT event_source text, OUT since bigint, OUT upto bigint, OUT body text)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    receiver record;
    last bigint := mls.last_event();
    page jsonb;
BEGIN
    FOR receiver IN
        SELECT p.*, t.token, c.claims, c.audience FROM mls.push p JOIN mls.push_token t USING (consumer) JOIN mls.consumer c USING (consumer)
         WHERE NOT p.paused AND c.active AND p.next_attempt_at <= now() AND p.acknowledged < last AND pg_has_role(caller, c.owner, 'USAGE')
         ORDER BY p.consumer FOR UPDATE OF p SKIP LOCKED
    LOOP
        BEGIN
            PERFORM set_config('request.jwt.claims', receiver.claims::text, true);
            page := (SELECT a FROM mls.as_role(receiver.audience,
                'SELECT pg_catalog.jsonb_build_object(''n'', pg_catalog.count(*), ''last'', pg_catalog.max(e.s), ''value'', pg_catalog.json_agg(pg_catalog.json_build_object('
                '''EntityEventSequence'', e.s, ''ResourceName'', e.n, ''ResourceRecordKey'', e.k) ORDER BY e.s)::pg_catalog.text) '
                'FROM (SELECT v."EntityEventSequence" AS s, v."ResourceName" AS n, v."ResourceRecordKey" AS k FROM mls."EntityEvent" v '
                'WHERE v."EntityEventSequence" > $1::pg_catalog.int8 AND v."EntityEventSequence" <= $2::pg_catalog.int8 ORDER BY v."EntityEventSequence" LIMIT $3::pg_catalog.int4) e',
                receiver.acknowledged::text, last::text, receiver.batch::text) a);
            PERFORM set_config('request.jwt.claims', '', true);
        EXCEPTION WHEN OTHERS THEN
            -- A role that is gone, say: the others are served.
            UPDATE mls.push p SET attempts = p.attempts + 1, next_attempt_at = now() + mls.delivery_delay(p.attempts + 1), last_error = left(SQLERRM, 1000)
             WHERE p.consumer = receiver.consumer;
            CONTINUE;
        END;
        IF (page ->> 'n')::bigint = 0 THEN
            UPDATE mls.push p SET acknowledged = last, known = last WHERE p.consumer = receiver.consumer;
            CONTINUE;
        END IF;
        UPDATE mls.push p SET attempts = p.attempts + 1, next_attempt_at = now() + mls.delivery_delay(p.attempts + 1), known = last WHERE p.consumer = receiver.consumer;
        consumer := receiver.consumer;
        url := receiver.url;
        token := receiver.token;
        event_source := receiver.event_source;
        since := receiver.acknowledged;
        upto := CASE WHEN (page ->> 'n')::bigint < receiver.batch THEN last ELSE (page ->> 'last')::bigint END;
        body := format('{"@reso.context":"urn:reso:metadata:2.0:resource:entityevent","value":%s}', page ->> 'value');
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.push_take(regrole) IS 'part of mls_push(): for receivers of a caller that are due, what is posted to them next';

-- What has been said meanwhile (mls_push_resend) holds.  A receiver that somebody is changing is
-- not waited for: others are, and it gets these events again.
CREATE FUNCTION mls.push_settle(caller regrole, consumer text, since bigint, upto bigint, status integer, retry_after bigint, error text) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
UPDATE mls.push p
   SET acknowledged = CASE WHEN t.taken THEN upto ELSE p.acknowledged END, attempts = CASE WHEN t.taken THEN 0 ELSE p.attempts END,
       taken_at = CASE WHEN t.taken THEN now() ELSE p.taken_at END,
       next_attempt_at = now() + CASE WHEN t.taken THEN interval '0' WHEN retry_after IS NULL THEN mls.delivery_delay(p.attempts)
                                      WHEN status = 429 THEN interval '1 second' * least(retry_after, 86400)
                                      ELSE greatest(mls.delivery_delay(p.attempts), interval '1 second' * least(retry_after, 86400)) END,
       last_status = status, last_error = CASE WHEN NOT t.taken THEN coalesce(left(error, 1000), format('the receiver answered with status %s', status)) END
  FROM (SELECT o.consumer, error IS NULL AND status BETWEEN 200 AND 299 AS taken
          FROM mls.push o WHERE o.consumer = push_settle.consumer AND o.acknowledged = since FOR UPDATE SKIP LOCKED) t
 WHERE p.consumer = t.consumer
$$;
COMMENT ON FUNCTION mls.push_settle(regrole, text, bigint, bigint, integer, bigint, text) IS 'part of mls_push(): notes what a receiver has answered';

CREATE FUNCTION mls.push_now(seconds integer) RETURNS void
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_push_now_sql';
COMMENT ON FUNCTION mls.push_now(integer) IS 'part of mls_push(): has a process post what is due, and waits for it';

CREATE FUNCTION mls_push(seconds integer DEFAULT 60) RETURNS SETOF mls.push_status
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_push()', 'post events');
    IF (seconds BETWEEN 1 AND 3600) IS NOT TRUE THEN
        PERFORM mls.refuse('22023', 'events are posted for 1 to 3,600 seconds');
    END IF;
    PERFORM mls.push_now(seconds);
    RETURN QUERY SELECT * FROM mls.push_status s ORDER BY s.consumer;
END $$;
COMMENT ON FUNCTION mls_push(integer) IS 'post events to receivers that are due, until nothing is or the seconds are over; returns how they are doing. Syncs do it at their end, too';

REVOKE ALL ON FUNCTION mls.note_push(regrole, text, text, jsonb), mls.note_push(text, text, jsonb), mls_push_add(text, text, text, bigint, text, integer),
    mls_push_alter(text, text, text, text, integer, boolean), mls_push_resend(text, bigint), mls_push_remove(text), mls.delivery_delay(integer), mls.push_take(regrole),
    mls.push_settle(regrole, text, bigint, bigint, integer, bigint, text), mls.push_now(integer), mls_push(integer) FROM PUBLIC;
