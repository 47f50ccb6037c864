-- Alerts: looking at what is watched, and telling receivers.

-- ---- What is watched ----

-- What a rule finds, as its owner sees it: one subject once.
CREATE FUNCTION mls.alert_findings(watch text, source text, threshold text, OUT subject text, OUT level text, OUT message text)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
BEGIN
    CASE watch
    WHEN 'health' THEN
        RETURN QUERY
            SELECT h.item, h.level, h.message FROM @extschema@.mls_health() h
             WHERE h.level = 'critical' OR h.level = threshold;
    WHEN 'failures' THEN
        RETURN QUERY
            SELECT f.name || ' ' || g.process, 'critical',
                   format('%s of %s failed %s: %s', g.process, f.name, mls.counted(g.times, 'time', 'times'), left(g.message, 600))
              FROM mls.failing g JOIN mls.fact f ON f.id = g.subscription
             WHERE g.times >= threshold::bigint AND (alert_findings.source IS NULL OR f.source = alert_findings.source);
    WHEN 'lag' THEN
        RETURN QUERY
            SELECT f.name, 'warning', format('%s is not complete since %s', f.name, date_trunc('second', f.complete_at))
              FROM mls.fact f
             WHERE greatest(f.complete_at, f.rests_until, f.success_due_at) < now() - threshold::interval
               AND (alert_findings.source IS NULL OR f.source = alert_findings.source);
    WHEN 'quota' THEN
        RETURN QUERY
            SELECT f.source, CASE WHEN max(f.quota_used) >= 1 THEN 'critical' ELSE 'warning' END,
                   format('source %s has spent %s %% of its quota', f.source, round(max(f.quota_used)::numeric * 100))
              FROM mls.fact f
             WHERE alert_findings.source IS NULL OR f.source = alert_findings.source
             GROUP BY f.source HAVING max(f.quota_used)::numeric >= threshold::numeric;
    WHEN 'refresh' THEN
        RETURN QUERY
            SELECT f.name, CASE WHEN f.refresh_by < now() THEN 'critical' ELSE 'warning' END,
                   format(CASE WHEN f.refresh_by < now() THEN '%s had to be refreshed until %s, and was last at %s'
                               ELSE '%s must be refreshed until %s, and was last at %s' END,
                          f.name, date_trunc('second', f.refresh_by), date_trunc('second', f.complete_at))
              FROM mls.fact f
             WHERE now() > f.complete_at + threshold::float8 * (f.refresh_by - f.complete_at)
               AND (alert_findings.source IS NULL OR f.source = alert_findings.source);
    WHEN 'drift' THEN
        RETURN QUERY
            SELECT f.name, 'warning', format('the schema of %s has changed at the source: %s', f.name, left(string_agg(i.reason, '; ' ORDER BY i.id), 600))
              FROM mls.issue i JOIN mls.fact f ON f.id = i.subscription
             WHERE i.kind = 'schema' AND i.solved_at IS NULL AND (alert_findings.source IS NULL OR f.source = alert_findings.source)
             GROUP BY f.name;
    END CASE;
END $$;
COMMENT ON FUNCTION mls.alert_findings(text, text, text) IS 'what a rule that watches something finds now';

-- ---- Looking ----

-- The end of an alert that nobody was told of is told to nobody either; a warning that becomes
-- critical is told again, once.  One notice tells of all that a look has found.
CREATE FUNCTION mls.alert_note(rule mls.alert_rule, findings jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    told record;
BEGIN
    FOR told IN
        WITH found AS (
            SELECT DISTINCT ON (f ->> 'subject') f ->> 'subject' AS subject, f ->> 'level' AS level, left(f ->> 'message', 2000) AS message
              FROM jsonb_array_elements(alert_note.findings) f WHERE f ->> 'subject' IS NOT NULL),
        ended AS (
            UPDATE mls.alert a SET ended_at = now()
             WHERE a.rule = alert_note.rule.rule AND a.ended_at IS NULL AND NOT EXISTS (SELECT FROM found f WHERE f.subject = a.subject)
            RETURNING a.*),
        begun AS (
            INSERT INTO mls.alert AS a (rule, subject, level, message, told_at)
            SELECT alert_note.rule.rule, f.subject, f.level, f.message,
                   CASE WHEN alert_note.rule.hold <= interval '0' AND NOT mls.alert_is_quiet(alert_note.rule, f.subject, NULL) THEN now() END
              FROM found f
             WHERE NOT EXISTS (SELECT FROM mls.alert o WHERE o.rule = alert_note.rule.rule AND o.subject = f.subject AND o.ended_at IS NULL)
            RETURNING a.*),
        lasting AS (
            UPDATE mls.alert a
               SET level = f.level, message = f.message,
                   told_at = CASE WHEN a.told_at IS NULL AND a.began_at + alert_note.rule.hold <= now()
                                       AND NOT mls.alert_is_quiet(alert_note.rule, a.subject, a.id) THEN now()
                                  WHEN a.worst = 'warning' AND f.level = 'critical' THEN now() ELSE a.told_at END,
                   reminded_at = CASE WHEN coalesce(a.reminded_at, a.told_at) + alert_note.rule.remind <= now() THEN now() ELSE a.reminded_at END
              FROM found f
             WHERE a.rule = alert_note.rule.rule AND a.subject = f.subject AND a.ended_at IS NULL
            RETURNING a.*),
        telling AS (
            SELECT 'alert' AS event, 1 AS place, b.* FROM begun b WHERE b.told_at = now()
            UNION ALL SELECT 'alert', 1, l.* FROM lasting l WHERE l.told_at = now()
            UNION ALL SELECT 'reminder', 2, l.* FROM lasting l WHERE l.reminded_at = now() AND l.told_at < now()
            UNION ALL SELECT 'recovery', 3, e.* FROM ended e WHERE alert_note.rule.recovery AND e.told_at IS NOT NULL)
        SELECT t.event, jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                   'alert', t.id, 'subject', t.subject, 'level', t.level, 'message', t.message, 'began_at', t.began_at, 'ended_at', t.ended_at))
                   ORDER BY t.level, t.subject) AS alerts
          FROM telling t GROUP BY t.event, t.place ORDER BY t.place
    LOOP
        INSERT INTO mls.alert_notice (receiver, notice)
        VALUES (alert_note.rule.receiver, jsonb_build_object('event', told.event, 'rule', alert_note.rule.rule, 'watch', alert_note.rule.watch,
                                                             'at', now(), 'alerts', told.alerts));
    END LOOP;
    UPDATE mls.alert a SET worst = a.level WHERE a.rule = alert_note.rule.rule AND a.told_at = now();
    UPDATE mls.alert_rule r SET looked_at = now(), last_error = NULL WHERE r.rule = alert_note.rule.rule;
END $$;
COMMENT ON FUNCTION mls.alert_note(mls.alert_rule, jsonb) IS 'part of mls_alert(): notes what a rule has found, and has its receiver told';

CREATE FUNCTION mls.alert_is_quiet(rule mls.alert_rule, subject text, but bigint) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT EXISTS (SELECT FROM mls.alert a
                WHERE a.rule = alert_is_quiet.rule.rule AND a.subject = alert_is_quiet.subject AND a.id IS DISTINCT FROM but
                  AND a.told_at > now() - alert_is_quiet.rule.quiet)
$$;
COMMENT ON FUNCTION mls.alert_is_quiet(mls.alert_rule, text, bigint) IS 'was the receiver told of the same lately?';

-- Rules of roles whose rights the caller has; of everyone, where nobody has looked lately: each
-- as its owner, so the caller learns nothing by it.  A transaction that is changing a rule or
-- its receiver, for as long as its session likes, keeps nobody else from being told.  Health
-- counts all there is: many syncs that end at the same time have it judged once.
CREATE FUNCTION mls.alert_look(caller regrole, everyone boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    rule mls.alert_rule;
    findings jsonb;
BEGIN
    FOR rule IN
        SELECT r.* FROM mls.alert_rule r JOIN mls.alert_receiver v ON v.receiver = r.receiver
         WHERE NOT r.paused AND (everyone OR pg_has_role(caller, r.owner, 'USAGE'))
           AND (pg_has_role(caller, r.owner, 'USAGE') AND (everyone OR r.watch <> 'health') OR coalesce(r.looked_at < now() - interval '30 seconds', true))
         ORDER BY r.rule FOR UPDATE OF r SKIP LOCKED FOR KEY SHARE OF v SKIP LOCKED
    LOOP
        BEGIN
            findings := (SELECT a FROM mls.as_role(rule.owner,
                'SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(''subject'', f.subject, ''level'', f.level, ''message'', f.message)) FROM mls.alert_findings($1, $2, $3) f',
                rule.watch, rule.source, rule.threshold) a);
            PERFORM mls.alert_note(rule, coalesce(findings, '[]'));
        EXCEPTION WHEN OTHERS THEN
            -- A role that lost a right, say: the others are told.
            UPDATE mls.alert_rule r SET looked_at = now(), last_error = left(SQLERRM, 1000) WHERE r.rule = rule.rule;
        END;
    END LOOP;
    DELETE FROM mls.alert a WHERE a.id IN (SELECT o.id FROM mls.alert o WHERE o.ended_at < now() - interval '90 days' FOR UPDATE SKIP LOCKED);
    DELETE FROM mls.alert_notice n WHERE n.id IN (SELECT o.id FROM mls.alert_notice o WHERE o.created_at < now() - interval '3 days' FOR UPDATE SKIP LOCKED);
END $$;
COMMENT ON FUNCTION mls.alert_look(regrole, boolean) IS 'part of mls_alert(): looks at the rules of a caller, or of everyone';

-- ---- How notices look ----

CREATE FUNCTION mls.alert_title(notice jsonb) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT format('mls_fdw: %s (%s)',
              CASE notice ->> 'event'
              WHEN 'test' THEN 'a test'
              ELSE CASE notice ->> 'event' WHEN 'recovery' THEN 'over: ' WHEN 'reminder' THEN 'still: ' ELSE '' END
                   || CASE WHEN n = 1 THEN left(notice #>> '{alerts,0,subject}', 100) ELSE mls.counted(n, 'alert', 'alerts') END END,
              notice ->> 'rule')
  FROM (SELECT jsonb_array_length(notice -> 'alerts') AS n) c
$$;
COMMENT ON FUNCTION mls.alert_title(jsonb) IS 'a notice in one line';

CREATE FUNCTION mls.alert_lines(notice jsonb) RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE WHEN a ? 'ended_at' THEN format('%s: over, it lasted %s', a ->> 'subject',
                                            mls.rounded((a ->> 'ended_at')::timestamptz - (a ->> 'began_at')::timestamptz))
            ELSE format('%s: %s (since %s)', upper(a ->> 'level'), a ->> 'message',
                        to_char((a ->> 'began_at')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')) END
  FROM jsonb_array_elements(notice -> 'alerts') WITH ORDINALITY AS e (a, n) WHERE n <= 20
UNION ALL
SELECT format('and %s more', jsonb_array_length(notice -> 'alerts') - 20) WHERE jsonb_array_length(notice -> 'alerts') > 20
UNION ALL
SELECT 'This is a test of the receiver: what is told arrives.' WHERE notice ->> 'event' = 'test'
$$;
COMMENT ON FUNCTION mls.alert_lines(jsonb) IS 'what a notice tells, a line an alert';

-- A subject as it stands in a mail: plain where that can be; else as RFC 2047 wants it, in words
-- of at most 45 bytes, as many characters each as fit whatever they are.
CREATE FUNCTION mls.mail_subject(title text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE WHEN title ~ '^[ -~]*$' AND length(title) <= 900 AND title !~ '=[?]' THEN title
            ELSE (SELECT string_agg('=?UTF-8?B?' || translate(encode(convert_to(substr(title, i, 11), 'UTF8'), 'base64'), E'\n', '') || '?=', E'\n ' ORDER BY i)
                    FROM generate_series(1, length(title), 11) i) END
$$;
COMMENT ON FUNCTION mls.mail_subject(text) IS 'a subject as a header of a mail has it';

-- RFC 5322.  A body is sent as it is if its lines are short and of ASCII alone.
CREATE FUNCTION mls.alert_mail(receiver mls.alert_receiver, id bigint, notice jsonb, created_at timestamptz) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT replace(concat_ws(E'\n',
           'From: ' || receiver.sender,
           'To: ' || array_to_string(receiver.recipients, E',\n '),
           'Subject: ' || mls.mail_subject(regexp_replace(mls.alert_title(notice), '[[:cntrl:]]', ' ', 'g')),
           'Date: ' || to_char(created_at AT TIME ZONE 'UTC', 'Dy, DD Mon YYYY HH24:MI:SS "+0000"'),
           format('Message-ID: <mls-alert-%s-%s@%s>', id, extract(epoch FROM created_at)::bigint, split_part(receiver.sender, '@', 2)),
           'MIME-Version: 1.0',
           'Content-Type: text/plain; charset=utf-8',
           'Content-Transfer-Encoding: ' || CASE WHEN b.is_plain THEN '7bit' ELSE 'base64' END,
           'Auto-Submitted: auto-generated',
           '',
           CASE WHEN b.is_plain THEN b.text ELSE encode(convert_to(replace(b.text, E'\n', E'\r\n'), 'UTF8'), 'base64') END,
           ''), E'\n', E'\r\n')
  FROM (SELECT t.text, t.text ~ E'^[\n -~]*$' AND (SELECT max(length(line)) FROM string_to_table(t.text, E'\n') line) <= 990 AS is_plain
          FROM (SELECT replace(concat_ws(E'\n', (SELECT string_agg(l, E'\n\n') FROM mls.alert_lines(notice) l), '', receiver.link, ''), E'\r', '') AS text) t) b
$$;
COMMENT ON FUNCTION mls.alert_mail(mls.alert_receiver, bigint, jsonb, timestamptz) IS 'a notice as a mail';

-- Slack and Teams read marks and links in what they show: what comes from a source is shown as
-- it is written, and calls nobody.
CREATE FUNCTION mls.alert_body(receiver mls.alert_receiver, id bigint, notice jsonb, created_at timestamptz) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE receiver.kind
       WHEN 'email' THEN mls.alert_mail(receiver, id, notice, created_at)
       WHEN 'webhook' THEN (jsonb_build_object('notice', id) || notice || jsonb_strip_nulls(jsonb_build_object('title', mls.alert_title(notice), 'link', receiver.link)))::text
       WHEN 'slack' THEN jsonb_build_object('text', replace(replace(replace(concat_ws(E'\n', mls.alert_title(notice),
                (SELECT string_agg('• ' || l, E'\n') FROM mls.alert_lines(notice) l), receiver.link), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
                'mrkdwn', false)::text
       WHEN 'teams' THEN jsonb_build_object('type', 'message', 'attachments', jsonb_build_array(jsonb_build_object(
                'contentType', 'application/vnd.microsoft.card.adaptive',
                'content', jsonb_build_object('type', 'AdaptiveCard', 'version', '1.4', '$schema', 'http://adaptivecards.io/schemas/adaptive-card.json',
                    'body', (SELECT jsonb_agg(jsonb_build_object('type', 'TextBlock', 'wrap', true, 'weight', w, 'text',
                                                                 regexp_replace(t, '([\\`*_{}\[\]()#+!|<>~-])', '\\\1', 'g')) ORDER BY n)
                               FROM (SELECT 0 AS n, 'bolder' AS w, mls.alert_title(notice) AS t
                                     UNION ALL SELECT i, 'default', l FROM mls.alert_lines(notice) WITH ORDINALITY AS o (l, i)) b))
                    || CASE WHEN receiver.link IS NULL THEN '{}'
                            ELSE jsonb_build_object('actions', jsonb_build_array(jsonb_build_object('type', 'Action.OpenUrl', 'title', 'Open', 'url', receiver.link))) END)))::text
       END
$$;
COMMENT ON FUNCTION mls.alert_body(mls.alert_receiver, bigint, jsonb, timestamptz) IS 'a notice as its receiver wants it';

-- ---- Telling ----

-- For each receiver the notice that is next, if it is due; of many receivers those first that
-- have waited longest, so that a round is short.  It comes due again some time later, unless it
-- is taken until then: so another process leaves it alone, and one that is killed loses nothing.
CREATE FUNCTION mls.alert_take(caller regrole, everyone boolean, OUT notice bigint, OUT receiver text, OUT url text, OUT body text, OUT secret text,
                               OUT username text, OUT password text, OUT sender text, OUT recipients text, OUT plain boolean, OUT ca_file text)
    RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    due mls.alert_receiver;
    next mls.alert_notice;
BEGIN
    FOR due IN
        SELECT r.* FROM mls.alert_receiver r
         WHERE r.next_attempt_at <= now() AND (everyone OR pg_has_role(caller, r.owner, 'USAGE'))
           AND EXISTS (SELECT FROM mls.alert_notice n WHERE n.receiver = r.receiver)
         ORDER BY r.next_attempt_at, r.receiver LIMIT 100 FOR UPDATE OF r SKIP LOCKED
    LOOP
        SELECT n.* INTO next FROM mls.alert_notice n WHERE n.receiver = due.receiver ORDER BY n.id LIMIT 1;
        CONTINUE WHEN NOT FOUND;
        UPDATE mls.alert_receiver r SET attempts = r.attempts + 1, next_attempt_at = now() + mls.delivery_delay(r.attempts + 1) WHERE r.receiver = due.receiver;
        RETURN QUERY
            SELECT next.id, due.receiver, s.url, mls.alert_body(due, next.id, next.notice, next.created_at), s.secret, s.username, s.password,
                   due.sender, array_to_string(due.recipients, ' '), due.plain, due.ca_file
              FROM mls.alert_secret s WHERE s.receiver = due.receiver;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.alert_take(regrole, boolean) IS 'part of mls_alert(): for receivers that are due, what they are told next';

-- A receiver that somebody is changing is not waited for: others are, and it is told again.
CREATE FUNCTION mls.alert_settle(caller regrole, receiver text, notice bigint, status integer, retry_after bigint, error text) RETURNS void
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$
WITH told AS (SELECT r.receiver AS name, error IS NULL AND status BETWEEN 200 AND 299 AS taken
                FROM mls.alert_receiver r WHERE r.receiver = alert_settle.receiver FOR UPDATE SKIP LOCKED),
gone AS (DELETE FROM mls.alert_notice n USING told t WHERE n.id = alert_settle.notice AND t.taken)
UPDATE mls.alert_receiver r
   SET attempts = CASE WHEN t.taken THEN 0 ELSE r.attempts END, taken_at = CASE WHEN t.taken THEN now() ELSE r.taken_at END,
       next_attempt_at = now() + CASE WHEN t.taken THEN interval '0'
                                      ELSE greatest(mls.delivery_delay(r.attempts), interval '1 second' * least(coalesce(retry_after, 0), 86400)) END,
       last_status = status, last_error = CASE WHEN NOT t.taken THEN coalesce(left(error, 1000), format('the receiver answered with status %s', status)) END
  FROM told t WHERE r.receiver = t.name
$$;
COMMENT ON FUNCTION mls.alert_settle(regrole, text, bigint, integer, bigint, text) IS 'part of mls_alert(): notes what a receiver has answered';

CREATE FUNCTION mls.alert_now(seconds integer) RETURNS void
    LANGUAGE c STRICT
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_alert_now_sql';
COMMENT ON FUNCTION mls.alert_now(integer) IS 'part of mls_alert(): has a process look at rules and tell receivers, and waits for it';

CREATE FUNCTION mls_alert(seconds integer DEFAULT 30) RETURNS SETOF mls_alerts
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_alert()', 'tell of alerts');
    IF (seconds BETWEEN 1 AND 3600) IS NOT TRUE THEN
        PERFORM mls.refuse('22023', 'receivers are told for 1 to 3,600 seconds');
    END IF;
    PERFORM mls.alert_now(seconds);
    RETURN QUERY SELECT * FROM @extschema@.mls_alerts a WHERE a.state <> 'ended' ORDER BY a.alert;
END $$;
COMMENT ON FUNCTION mls_alert(integer) IS 'look at what the rules of mls_alert_rule() watch, and tell receivers, until nothing is to be told or the seconds are over; returns what is wrong now. For a job of each minute; syncs do it at their end, too';

-- ---- Receivers and rules ----

CREATE FUNCTION mls.note_alert_receiver(caller regrole, action text, receiver text, settings jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.alert_receiver;
    is_mail boolean := settings ->> 'kind' = 'email';
    url text := settings ->> 'url';
BEGIN
    SELECT * INTO known FROM mls.alert_receiver r WHERE r.receiver = note_alert_receiver.receiver FOR UPDATE;
    IF known.receiver IS NOT NULL AND NOT pg_has_role(caller, known.owner, 'USAGE') OR known.receiver IS NULL AND action <> 'set' THEN
        PERFORM mls.refuse('42704', format('there is no receiver "%s" of yours', receiver), 'mls.alert_receiver lists them.');
    ELSIF action = 'remove' THEN
        IF EXISTS (SELECT FROM mls.alert_rule r WHERE r.receiver = note_alert_receiver.receiver) THEN
            PERFORM mls.refuse('2BP01', format('rules tell receiver "%s"', receiver), 'Let them tell another, or call mls_alert_rule_remove().',
                (SELECT string_agg(format('Rule "%s" does.', r.rule), ' ' ORDER BY r.rule) FROM mls.alert_rule r WHERE r.receiver = note_alert_receiver.receiver));
        END IF;
        DELETE FROM mls.alert_receiver r WHERE r.receiver = note_alert_receiver.receiver;
        RETURN;
    ELSIF action = 'test' THEN
        UPDATE mls.alert_receiver r SET attempts = 0, next_attempt_at = now() WHERE r.receiver = note_alert_receiver.receiver;
        INSERT INTO mls.alert_notice (receiver, notice)
        VALUES (receiver, jsonb_build_object('event', 'test', 'rule', 'mls_alert_test', 'watch', 'nothing', 'at', now(), 'alerts', jsonb_build_array()));
        RETURN;
    END IF;
    IF receiver !~ '^[^[:cntrl:]]{1,63}$' THEN
        PERFORM mls.refuse('22023', 'a receiver has a name of 1 to 63 characters');
    ELSIF coalesce(settings ->> 'kind', '') NOT IN ('webhook', 'slack', 'teams', 'email') THEN
        PERFORM mls.refuse('22023', 'a receiver is a webhook, slack, teams or email');
    -- Addresses are judged when they are asked, like those of sources.
    ELSIF NOT is_mail AND (url !~* '^https?://[^/?#@[:space:][:cntrl:]]+([/?][^#[:space:][:cntrl:]]*)?$' OR length(url) > 2000) THEN
        PERFORM mls.refuse('22023', 'this is no address to post notices to', 'It begins with https:// and has neither a password nor a #.');
    ELSIF is_mail AND url !~* '^smtps?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?/?$' THEN
        PERFORM mls.refuse('22023', 'this is no address of a mail server', 'It is smtp://host, smtp://host:587 or smtps://host: user name and password have arguments of their own.');
    ELSIF is_mail AND (coalesce(settings ->> 'sender', '') !~ '^[!-~]+@[!-~]+$' OR settings ->> 'sender' ~ '[<>,;:"()\\]' OR length(settings ->> 'sender') > 254) THEN
        PERFORM mls.refuse('22023', 'mails have a sender, as alerts@example.com');
    ELSIF is_mail AND (jsonb_array_length(coalesce(settings -> 'recipients', '[]')) NOT BETWEEN 1 AND 50
                       OR EXISTS (SELECT FROM jsonb_array_elements_text(settings -> 'recipients') r WHERE r IS NULL OR r !~ '^[!-~]+@[!-~]+$' OR r ~ '[<>,;:"()\\]' OR length(r) > 254)) THEN
        PERFORM mls.refuse('22023', 'mails have 1 to 50 recipients, as {ops@example.com}');
    ELSIF NOT is_mail AND settings ?| '{sender,recipients,username,password}' OR NOT is_mail AND (settings ->> 'plain')::boolean THEN
        PERFORM mls.refuse('22023', 'only mails have a sender, recipients, a login and plain');
    ELSIF settings ->> 'kind' <> 'webhook' AND settings ? 'secret' THEN
        PERFORM mls.refuse('22023', 'only notices to a webhook are signed');
    ELSIF settings ? 'username' <> settings ? 'password' THEN
        PERFORM mls.refuse('22023', 'a login at a mail server has a user name and a password');
    ELSIF concat(settings ->> 'username', settings ->> 'password', settings ->> 'secret') ~ '[[:cntrl:]]' THEN
        PERFORM mls.refuse('22023', 'a login or a secret has no line breaks or other control characters');
    ELSIF settings ? 'ca_file' AND NOT pg_has_role(caller, 'pg_read_server_files', 'USAGE') THEN
        PERFORM mls.refuse('42501', 'permission denied to set ca_file', 'Only roles with the privileges of pg_read_server_files name files of the server.');
    ELSIF settings ->> 'link' !~* '^https?://[^/?#@[:space:][:cntrl:]]+([/?#][^[:space:][:cntrl:]]*)?$' OR length(settings ->> 'link') > 2000 THEN
        PERFORM mls.refuse('22023', 'this is no address for a link', 'It begins with https://.');
    END IF;
    INSERT INTO mls.alert_receiver AS r (receiver, owner, kind, place, sender, recipients, plain, link, ca_file)
    VALUES (receiver, caller, settings ->> 'kind', lower(substring(url FROM '^[^:]+://[^/?]+')), settings ->> 'sender',
            CASE WHEN is_mail THEN ARRAY(SELECT jsonb_array_elements_text(settings -> 'recipients')) END, coalesce((settings ->> 'plain')::boolean, false), settings ->> 'link',
            settings ->> 'ca_file')
    ON CONFLICT ON CONSTRAINT alert_receiver_pkey DO UPDATE
       SET kind = excluded.kind, place = excluded.place, sender = excluded.sender, recipients = excluded.recipients, plain = excluded.plain, link = excluded.link, ca_file = excluded.ca_file,
           attempts = 0, next_attempt_at = now(), last_status = NULL, last_error = NULL
     WHERE pg_has_role(caller, r.owner, 'USAGE');
    -- Another has made it since we looked.
    IF NOT FOUND THEN
        PERFORM mls.refuse('42704', format('there is no receiver "%s" of yours', receiver), 'mls.alert_receiver lists them.');
    END IF;
    -- What is secret stays, while it is at the same place.
    IF action = 'alter' AND known.place = lower(substring(url FROM '^[^:]+://[^/?]+')) THEN
        RETURN;
    END IF;
    DELETE FROM mls.alert_secret s WHERE s.receiver = note_alert_receiver.receiver;
    INSERT INTO mls.alert_secret VALUES (receiver, url, settings ->> 'secret', settings ->> 'username', settings ->> 'password');
END $$;
COMMENT ON FUNCTION mls.note_alert_receiver(regrole, text, text, jsonb) IS 'sets, alters (secrets stay while it is at the same place), removes or tests a receiver of alerts, for a caller who may';
CREATE FUNCTION mls.note_alert_receiver(action text, receiver text, settings jsonb) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_alert_receiver(text, text, jsonb) IS 'part of mls_alert_receiver() and its like: the same for who calls it';

CREATE FUNCTION mls_alert_receiver(receiver text, kind text, url text, secret text DEFAULT NULL, sender text DEFAULT NULL, recipients text[] DEFAULT NULL,
                                   username text DEFAULT NULL, password text DEFAULT NULL, plain boolean DEFAULT false, link text DEFAULT NULL, ca_file text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_alert_receiver()', 'set receivers');
    IF receiver IS NULL OR kind IS NULL OR url IS NULL THEN
        PERFORM mls.refuse('22023', 'a receiver has a name, a kind and an address');
    END IF;
    PERFORM mls.note_alert_receiver('set', receiver, jsonb_strip_nulls(jsonb_build_object('kind', kind, 'url', url, 'secret', secret, 'sender', sender,
        'recipients', to_jsonb(recipients), 'username', username, 'password', password, 'plain', plain, 'link', link, 'ca_file', ca_file)));
END $$;
COMMENT ON FUNCTION mls_alert_receiver(text, text, text, text, text, text[], text, text, boolean, text, text)
    IS 'make a receiver of alerts, or make it anew: webhook, slack and teams are posted to an https address (secret signs what a webhook gets), email goes from sender to recipients by a mail server, smtp://host:587 or smtps://host, with user name and password if it wants them; plain: without TLS, to a host of mls_fdw.allowed_hosts; link stands at the end of a notice; ca_file is as the option of servers';

CREATE FUNCTION mls_alert_receiver_remove(receiver text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_alert_receiver_remove()', 'remove receivers');
    PERFORM mls.note_alert_receiver('remove', receiver, '{}');
END $$;
COMMENT ON FUNCTION mls_alert_receiver_remove(text) IS 'tell a receiver nothing more, and forget its address and secrets; no rule may name it any more';

CREATE FUNCTION mls_alert_test(receiver text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_alert_test()', 'test receivers');
    PERFORM mls.note_alert_receiver('test', receiver, '{}');
END $$;
COMMENT ON FUNCTION mls_alert_test(text) IS 'tell a receiver something harmless: mls_alert() sends it in the next transaction, and mls.alert_receiver says what became of it';

CREATE FUNCTION mls.note_alert_rule(caller regrole, action text, rule text, settings jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
DECLARE
    known mls.alert_rule;
    watch text := settings ->> 'watch';
    threshold text := settings ->> 'threshold';
    wanted text;
BEGIN
    SELECT * INTO known FROM mls.alert_rule r WHERE r.rule = note_alert_rule.rule FOR UPDATE;
    IF known.rule IS NOT NULL AND NOT pg_has_role(caller, known.owner, 'USAGE') OR known.rule IS NULL AND action <> 'set' THEN
        PERFORM mls.refuse('42704', format('there is no rule "%s" of yours', rule), 'mls.alert_rule lists them.');
    ELSIF action = 'remove' THEN
        DELETE FROM mls.alert_rule r WHERE r.rule = note_alert_rule.rule;
        RETURN;
    ELSIF action = 'pause' THEN
        UPDATE mls.alert_rule r SET paused = (settings ->> 'paused')::boolean WHERE r.rule = note_alert_rule.rule;
        RETURN;
    END IF;
    IF rule !~ '^[^[:cntrl:]]{1,63}$' THEN
        PERFORM mls.refuse('22023', 'a rule has a name of 1 to 63 characters');
    ELSIF NOT EXISTS (SELECT FROM mls.alert_receiver r WHERE r.receiver = settings ->> 'receiver' AND pg_has_role(caller, r.owner, 'USAGE')) THEN
        PERFORM mls.refuse('42704', format('there is no receiver "%s" of yours', settings ->> 'receiver'), 'mls_alert_receiver() makes one.');
    ELSIF watch IS NULL OR watch NOT IN ('health', 'failures', 'lag', 'quota', 'refresh', 'drift') THEN
        PERFORM mls.refuse('22023', 'a rule watches health, failures, lag, quota, refresh or drift');
    ELSIF settings ? 'source' AND watch = 'health' THEN
        PERFORM mls.refuse('22023', 'health is of all sources at once', 'The other things to watch can be of one source.');
    ELSIF settings ? 'source' AND NOT EXISTS (SELECT FROM mls.subscription s WHERE s.source = settings ->> 'source' AND pg_has_role(caller, s.owner, 'USAGE')) THEN
        PERFORM mls.refuse('42704', format('no subscription of yours is of source "%s"', settings ->> 'source'), 'mls_status lists the sources.');
    END IF;
    wanted := CASE watch
              WHEN 'health' THEN CASE WHEN coalesce(threshold, 'critical') NOT IN ('warning', 'critical') THEN 'a level, warning or critical' END
              WHEN 'failures' THEN CASE WHEN coalesce(threshold, '3') !~ '^[1-9][0-9]{0,5}$' THEN 'a number of failures in a row, 1 or more' END
              WHEN 'drift' THEN CASE WHEN threshold IS NOT NULL THEN 'NULL' END
              WHEN 'lag' THEN CASE WHEN mls.alert_interval(coalesce(threshold, '6 hours')) > interval '0' THEN NULL ELSE 'an interval, as 6 hours' END
              ELSE CASE WHEN coalesce(threshold, '1') !~ '^([1-9]?[0-9]|[0-9]?\.[0-9]+|[0-9]\.[0-9]*)$' OR threshold::float8 <= 0 THEN 'a share, as 0.9 for 90 %' END END;
    IF wanted IS NOT NULL THEN
        PERFORM mls.refuse('22023', format('"%s" is no threshold of %s', threshold, watch), format('It is %s.', wanted));
    ELSIF (settings ->> 'hold')::interval < interval '0' OR (settings ->> 'quiet')::interval < interval '0' OR (settings ->> 'remind')::interval < interval '1 minute' THEN
        PERFORM mls.refuse('22023', 'hold and quiet are not negative, and remind is a minute at least');
    END IF;
    threshold := coalesce(threshold, CASE watch WHEN 'health' THEN 'critical' WHEN 'failures' THEN '3' WHEN 'lag' THEN '6 hours' WHEN 'quota' THEN '0.9' WHEN 'refresh' THEN '1' END);
    -- What another meaning had found is over, and nobody is told.
    UPDATE mls.alert a SET ended_at = now()
     WHERE a.rule = known.rule AND a.ended_at IS NULL AND (known.watch, known.receiver) IS DISTINCT FROM (watch, settings ->> 'receiver');
    INSERT INTO mls.alert_rule AS r (rule, owner, receiver, watch, threshold, source, hold, quiet, remind, recovery)
    VALUES (rule, caller, settings ->> 'receiver', watch, threshold, settings ->> 'source', (settings ->> 'hold')::interval, (settings ->> 'quiet')::interval,
            (settings ->> 'remind')::interval, (settings ->> 'recovery')::boolean)
    ON CONFLICT ON CONSTRAINT alert_rule_pkey DO UPDATE
       SET receiver = excluded.receiver, watch = excluded.watch, threshold = excluded.threshold, source = excluded.source, hold = excluded.hold,
           quiet = excluded.quiet, remind = excluded.remind, recovery = excluded.recovery, last_error = NULL
     WHERE pg_has_role(caller, r.owner, 'USAGE');
    IF NOT FOUND THEN
        PERFORM mls.refuse('42704', format('there is no rule "%s" of yours', rule), 'mls.alert_rule lists them.');
    END IF;
END $$;
COMMENT ON FUNCTION mls.note_alert_rule(regrole, text, text, jsonb) IS 'sets, pauses or removes a rule of alerts, for a caller who may';
CREATE FUNCTION mls.note_alert_rule(action text, rule text, settings jsonb) RETURNS void
    LANGUAGE c
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.note_alert_rule(text, text, jsonb) IS 'part of mls_alert_rule() and its like: the same for who calls it';

CREATE FUNCTION mls.alert_interval(value text) RETURNS interval
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    RETURN value::interval;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION mls.alert_interval(text) IS 'an interval, or NULL where it is none';

CREATE FUNCTION mls_alert_rule(rule text, receiver text, watch text DEFAULT 'health', threshold text DEFAULT NULL, source text DEFAULT NULL,
                               hold interval DEFAULT '0', quiet interval DEFAULT '1 hour', remind interval DEFAULT NULL, recovery boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_alert_rule()', 'set rules');
    IF rule IS NULL OR receiver IS NULL OR hold IS NULL OR quiet IS NULL OR recovery IS NULL THEN
        PERFORM mls.refuse('22023', 'a rule has a name, a receiver, hold, quiet and recovery');
    END IF;
    PERFORM mls.note_alert_rule('set', rule, jsonb_strip_nulls(jsonb_build_object('receiver', receiver, 'watch', watch, 'threshold', threshold, 'source', source,
        'hold', hold, 'quiet', quiet, 'remind', remind, 'recovery', recovery)));
END $$;
COMMENT ON FUNCTION mls_alert_rule(text, text, text, text, text, interval, interval, interval, boolean)
    IS 'have a receiver told of health (threshold: warning or critical), failures in a row (3), lag since the last success (6 hours), quota spent (0.9), refresh (share of the licence''s time, 1: the option refresh_within) or drift of the remote schema; once it has lasted for hold, not again within quiet, again after remind, and of its end';

CREATE FUNCTION mls_alert_rule_pause(rule text, paused boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_alert_rule_pause()', 'pause rules');
    IF paused IS NULL THEN
        PERFORM mls.refuse('22023', 'a rule is paused or it is not');
    END IF;
    PERFORM mls.note_alert_rule('pause', rule, jsonb_build_object('paused', paused));
END $$;
COMMENT ON FUNCTION mls_alert_rule_pause(text, boolean) IS 'do not look at a rule for now; or look at it again';

CREATE FUNCTION mls_alert_rule_remove(rule text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby('mls_alert_rule_remove()', 'remove rules');
    PERFORM mls.note_alert_rule('remove', rule, '{}');
END $$;
COMMENT ON FUNCTION mls_alert_rule_remove(text) IS 'watch something no more, and forget what was found';

REVOKE ALL ON FUNCTION mls.alert_findings(text, text, text),
    mls.alert_note(mls.alert_rule, jsonb),
    mls.alert_is_quiet(mls.alert_rule, text, bigint),
    mls.alert_look(regrole, boolean),
    mls.alert_title(jsonb),
    mls.alert_lines(jsonb),
    mls.mail_subject(text),
    mls.alert_mail(mls.alert_receiver, bigint, jsonb, timestamptz),
    mls.alert_body(mls.alert_receiver, bigint, jsonb, timestamptz),
    mls.alert_take(regrole, boolean),
    mls.alert_settle(regrole, text, bigint, integer, bigint, text),
    mls.alert_now(integer),
    mls_alert(integer),
    mls.note_alert_receiver(regrole, text, text, jsonb),
    mls.note_alert_receiver(text, text, jsonb),
    mls_alert_receiver(text, text, text, text, text, text[], text, text, boolean, text, text),
    mls_alert_receiver_remove(text),
    mls_alert_test(text),
    mls.note_alert_rule(regrole, text, text, jsonb),
    mls.note_alert_rule(text, text, jsonb),
    mls.alert_interval(text),
    mls_alert_rule(text, text, text, text, text, interval, interval, interval, boolean),
    mls_alert_rule_pause(text, boolean),
    mls_alert_rule_remove(text) FROM PUBLIC;
