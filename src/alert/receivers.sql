-- Alerts: what operators are told, by whom it is told to them, and what was told.  The tables;
-- alert.sql has what fills them.
--
-- A rule watches something on behalf of its owner; what it finds is an alert, from when it began
-- to when it ended; a notice tells a receiver of alerts, in the transaction that found them.

CREATE TABLE mls.alert_receiver (
    receiver        text PRIMARY KEY CHECK (receiver ~ '^[^[:cntrl:]]{1,63}$'),
    owner           regrole NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('webhook', 'slack', 'teams', 'email')),
    place           text NOT NULL,
    sender          text,
    recipients      text[],
    plain           boolean NOT NULL DEFAULT false,
    link            text,
    ca_file         text,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    taken_at        timestamptz,
    last_status     integer,
    last_error      text
);
COMMENT ON TABLE mls.alert_receiver IS 'who is told of alerts; see mls_alert_receiver()';
COMMENT ON COLUMN mls.alert_receiver.receiver IS 'its name';
COMMENT ON COLUMN mls.alert_receiver.owner IS 'the role that made it';
COMMENT ON COLUMN mls.alert_receiver.kind IS 'how notices look: webhook, slack, teams or email';
COMMENT ON COLUMN mls.alert_receiver.place IS 'scheme and host of where notices are sent; the rest of the address is a secret';
COMMENT ON COLUMN mls.alert_receiver.sender IS 'address from which mails come; NULL for other kinds';
COMMENT ON COLUMN mls.alert_receiver.recipients IS 'addresses to which mails go; NULL for other kinds';
COMMENT ON COLUMN mls.alert_receiver.plain IS 'whether mails are handed over without TLS';
COMMENT ON COLUMN mls.alert_receiver.link IS 'address that stands at the end of a notice, as that of the site; NULL for none';
COMMENT ON COLUMN mls.alert_receiver.ca_file IS 'file of certificate authorities to trust instead of the system''s; NULL for none';
COMMENT ON COLUMN mls.alert_receiver.attempts IS 'how often the notice that is next was sent in vain, or is being sent';
COMMENT ON COLUMN mls.alert_receiver.next_attempt_at IS 'nothing is sent before then';
COMMENT ON COLUMN mls.alert_receiver.taken_at IS 'when it has taken a notice last';
COMMENT ON COLUMN mls.alert_receiver.last_status IS 'status of its last answer, of HTTP or SMTP; NULL for none';
COMMENT ON COLUMN mls.alert_receiver.last_error IS 'why the last attempt failed; NULL if it did not';

CREATE TABLE mls.alert_secret (
    receiver text PRIMARY KEY REFERENCES mls.alert_receiver ON DELETE CASCADE,
    url      text NOT NULL,
    secret   text,
    username text,
    password text
);
COMMENT ON TABLE mls.alert_secret IS 'addresses and secrets of receivers of alerts; nobody but the owner of this table reads it';
COMMENT ON COLUMN mls.alert_secret.receiver IS 'the receiver';
COMMENT ON COLUMN mls.alert_secret.url IS 'where notices are sent';
COMMENT ON COLUMN mls.alert_secret.secret IS 'key with which notices to a webhook are signed; NULL for none';
COMMENT ON COLUMN mls.alert_secret.username IS 'user name at the mail server; NULL for none';
COMMENT ON COLUMN mls.alert_secret.password IS 'password at the mail server';

CREATE TABLE mls.alert_rule (
    rule       text PRIMARY KEY CHECK (rule ~ '^[^[:cntrl:]]{1,63}$'),
    owner      regrole NOT NULL,
    receiver   text NOT NULL REFERENCES mls.alert_receiver,
    watch      text NOT NULL CHECK (watch IN ('health', 'failures', 'lag', 'quota', 'refresh', 'drift')),
    threshold  text,
    source     text,
    hold       interval NOT NULL,
    quiet      interval NOT NULL,
    remind     interval,
    recovery   boolean NOT NULL,
    paused     boolean NOT NULL DEFAULT false,
    made_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    looked_at  timestamptz,
    last_error text
);
CREATE INDEX ON mls.alert_rule (receiver);
COMMENT ON TABLE mls.alert_rule IS 'what is watched, and who is told; see mls_alert_rule()';
COMMENT ON COLUMN mls.alert_rule.rule IS 'its name';
COMMENT ON COLUMN mls.alert_rule.owner IS 'the role that made it, which sees what it finds';
COMMENT ON COLUMN mls.alert_rule.receiver IS 'who is told';
COMMENT ON COLUMN mls.alert_rule.watch IS 'what is watched: health, failures, lag, quota, refresh or drift';
COMMENT ON COLUMN mls.alert_rule.threshold IS 'from where on it is an alert: a level, a number of failures, an interval, a share; NULL for drift';
COMMENT ON COLUMN mls.alert_rule.source IS 'the source; NULL for all that the owner sees';
COMMENT ON COLUMN mls.alert_rule.hold IS 'how long it must last before it is told';
COMMENT ON COLUMN mls.alert_rule.quiet IS 'for how long nothing more is told of what was told, should it end and come again';
COMMENT ON COLUMN mls.alert_rule.remind IS 'after so long it is told again; NULL for never';
COMMENT ON COLUMN mls.alert_rule.recovery IS 'whether its end is told';
COMMENT ON COLUMN mls.alert_rule.paused IS 'whether it is not looked at';
COMMENT ON COLUMN mls.alert_rule.made_at IS 'when it was made';
COMMENT ON COLUMN mls.alert_rule.looked_at IS 'when it was looked at last';
COMMENT ON COLUMN mls.alert_rule.last_error IS 'why it could not be looked at; NULL if it could';

CREATE TABLE mls.alert (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule        text NOT NULL REFERENCES mls.alert_rule ON DELETE CASCADE,
    subject     text NOT NULL,
    level       text NOT NULL,
    message     text NOT NULL,
    worst       text,
    began_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    told_at     timestamptz,
    reminded_at timestamptz,
    ended_at    timestamptz
);
CREATE UNIQUE INDEX ON mls.alert (rule, subject) WHERE ended_at IS NULL;
CREATE INDEX ON mls.alert (rule, subject, told_at);
CREATE INDEX ON mls.alert (ended_at);
COMMENT ON TABLE mls.alert IS 'what rules have found; mls_alerts shows it';
COMMENT ON COLUMN mls.alert.id IS 'its number';
COMMENT ON COLUMN mls.alert.rule IS 'the rule';
COMMENT ON COLUMN mls.alert.subject IS 'what it is about: a source with its resource, or a check';
COMMENT ON COLUMN mls.alert.level IS 'warning or critical';
COMMENT ON COLUMN mls.alert.message IS 'what is wrong, as it was seen last';
COMMENT ON COLUMN mls.alert.worst IS 'worst level that the receiver was to be told of; NULL: not yet';
COMMENT ON COLUMN mls.alert.began_at IS 'when it was seen first';
COMMENT ON COLUMN mls.alert.told_at IS 'when the receiver was to be told, of a warning that became critical once more; NULL: not yet';
COMMENT ON COLUMN mls.alert.reminded_at IS 'when the receiver was to be told again';
COMMENT ON COLUMN mls.alert.ended_at IS 'when it was not seen any more';

CREATE TABLE mls.alert_notice (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receiver   text NOT NULL REFERENCES mls.alert_receiver ON DELETE CASCADE,
    notice     jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE INDEX ON mls.alert_notice (receiver, id);
COMMENT ON TABLE mls.alert_notice IS 'notices that receivers have not taken yet; given up after three days';
COMMENT ON COLUMN mls.alert_notice.id IS 'number of the notice, in the header X-Mls-Delivery and the Message-ID';
COMMENT ON COLUMN mls.alert_notice.receiver IS 'who is told';
COMMENT ON COLUMN mls.alert_notice.notice IS 'what is told: event, rule, watch, at, alerts';
COMMENT ON COLUMN mls.alert_notice.created_at IS 'when it was to be told';

ALTER TABLE mls.alert_receiver ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.alert_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.alert_rule ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.alert ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.alert_notice ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.alert_receiver FOR SELECT USING (pg_catalog.pg_has_role(owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
CREATE POLICY owner ON mls.alert_rule FOR SELECT USING (pg_catalog.pg_has_role(owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
CREATE POLICY owner ON mls.alert FOR SELECT USING (EXISTS (SELECT FROM mls.alert_rule r WHERE r.rule = alert.rule));
CREATE POLICY owner ON mls.alert_notice FOR SELECT USING (EXISTS (SELECT FROM mls.alert_receiver r WHERE r.receiver = alert_notice.receiver));
GRANT SELECT ON mls.alert_receiver, mls.alert_rule, mls.alert, mls.alert_notice TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.alert_receiver', '');
SELECT pg_catalog.pg_extension_config_dump('mls.alert_secret', '');
SELECT pg_catalog.pg_extension_config_dump('mls.alert_rule', '');
SELECT pg_catalog.pg_extension_config_dump('mls.alert', '');
SELECT pg_catalog.pg_extension_config_dump('mls.alert_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mls.alert_notice', '');
SELECT pg_catalog.pg_extension_config_dump('mls.alert_notice_id_seq', '');

CREATE VIEW mls_alerts WITH (security_invoker = true) AS
SELECT a.id AS alert, a.rule, r.watch, a.subject, a.level,
       CASE WHEN a.ended_at IS NOT NULL THEN 'ended' WHEN a.told_at IS NOT NULL THEN 'told' ELSE 'waiting' END AS state,
       a.began_at, a.told_at, a.ended_at, r.receiver, a.message
  FROM mls.alert a JOIN mls.alert_rule r USING (rule);
COMMENT ON VIEW mls_alerts IS 'what the rules of mls_alert_rule() have found, now and lately';
COMMENT ON COLUMN mls_alerts.alert IS 'its number';
COMMENT ON COLUMN mls_alerts.rule IS 'the rule that found it';
COMMENT ON COLUMN mls_alerts.watch IS 'what the rule watches';
COMMENT ON COLUMN mls_alerts.subject IS 'what it is about: a source with its resource, or a check';
COMMENT ON COLUMN mls_alerts.level IS 'warning or critical';
COMMENT ON COLUMN mls_alerts.state IS 'waiting (not told yet: it must last longer, or was told lately), told, or ended';
COMMENT ON COLUMN mls_alerts.began_at IS 'when it was seen first';
COMMENT ON COLUMN mls_alerts.told_at IS 'when the receiver was to be told';
COMMENT ON COLUMN mls_alerts.ended_at IS 'when it was not seen any more';
COMMENT ON COLUMN mls_alerts.receiver IS 'who is told';
COMMENT ON COLUMN mls_alerts.message IS 'what is wrong, as it was seen last';

-- What may keep operators from being told.
CREATE VIEW mls.alert_fault WITH (security_invoker = true) AS
SELECT format('receiver "%s" takes no notices: %s', r.receiver, r.last_error) AS message
  FROM mls.alert_receiver r WHERE r.last_error IS NOT NULL
UNION ALL
SELECT format('rule "%s" could not be looked at: %s', r.rule, r.last_error)
  FROM mls.alert_rule r WHERE NOT r.paused AND r.last_error IS NOT NULL
UNION ALL
SELECT 'nobody has looked at rules for 15 minutes: let pg_cron or mls_serve call mls_alert()'
  FROM mls.alert_rule r WHERE NOT r.paused
HAVING max(greatest(r.looked_at, r.made_at)) < now() - interval '15 minutes';
COMMENT ON VIEW mls.alert_fault IS 'what may keep receivers of alerts from being told';
COMMENT ON COLUMN mls.alert_fault.message IS 'a sentence';
GRANT SELECT ON mls_alerts, mls.alert_fault TO pg_monitor;
