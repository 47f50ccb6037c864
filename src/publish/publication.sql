-- Publications: views of gold that are kept in step in other databases.
--
-- How far each is stands at its destination, where it moves with the rows; what is known of it
-- here is for who looks.

CREATE FUNCTION mls.this_database() RETURNS text
    LANGUAGE c STABLE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_this_database_sql';
COMMENT ON FUNCTION mls.this_database() IS 'what tells this database from all others, and from copies that were dumped and restored';
REVOKE ALL ON FUNCTION mls.this_database() FROM PUBLIC;

CREATE TABLE mls.publication (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner           regrole NOT NULL,
    destination     text NOT NULL,
    name            text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    view            regclass NOT NULL,
    key             text NOT NULL,
    resource        text NOT NULL,
    condition       text,
    fields          jsonb NOT NULL DEFAULT '{}',
    types           jsonb NOT NULL DEFAULT '{}',
    depends         jsonb,
    batch           integer NOT NULL DEFAULT 500 CHECK (batch BETWEEN 1 AND 10000),
    token           text NOT NULL DEFAULT pg_catalog.gen_random_uuid()::text,
    home            text NOT NULL DEFAULT mls.this_database(),
    take_over       boolean NOT NULL DEFAULT false,
    definition      text,
    position        bigint,
    loading         boolean NOT NULL DEFAULT true,
    load_after      text,
    known           bigint,
    resend_from     bigint,
    paused          boolean NOT NULL DEFAULT false,
    rebuild         boolean NOT NULL DEFAULT false,
    failures        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    attempted_with  text,
    error           text,
    loaded_at       timestamptz,
    succeeded_at    timestamptz,
    UNIQUE (destination, name)
);
COMMENT ON TABLE mls.publication IS 'views that are kept in step at destinations; mls_publish() writes it';
COMMENT ON COLUMN mls.publication.id IS 'its number';
COMMENT ON COLUMN mls.publication.owner IS 'role that publishes, as which the view is read';
COMMENT ON COLUMN mls.publication.destination IS 'foreign server of a protocol of destinations';
COMMENT ON COLUMN mls.publication.name IS 'the table there';
COMMENT ON COLUMN mls.publication.view IS 'the view, or table';
COMMENT ON COLUMN mls.publication.key IS 'its column with the keys of records';
COMMENT ON COLUMN mls.publication.resource IS 'RESO resource whose records its rows are';
COMMENT ON COLUMN mls.publication.condition IS 'SQL that a row fulfils which is there; NULL for all';
COMMENT ON COLUMN mls.publication.fields IS 'other names of columns there';
COMMENT ON COLUMN mls.publication.types IS 'types there, by columns or by types here, where the usual one is not wanted';
COMMENT ON COLUMN mls.publication.depends IS 'columns that have the keys of other resources, where it was said';
COMMENT ON COLUMN mls.publication.batch IS 'rows that are written in one transaction';
COMMENT ON COLUMN mls.publication.token IS 'by which the destination knows it';
COMMENT ON COLUMN mls.publication.home IS 'the database that publishes it: a copy of that does not';
COMMENT ON COLUMN mls.publication.take_over IS 'whether it may continue a table that another publication has made';
COMMENT ON COLUMN mls.publication.definition IS 'hash of view, columns and condition when it was loaded last: when it changes all is loaded again';
COMMENT ON COLUMN mls.publication.position IS 'number of the last event that is there, as far as is known here; NULL before the first run';
COMMENT ON COLUMN mls.publication.loading IS 'whether the first load, or another, is not over';
COMMENT ON COLUMN mls.publication.load_after IS 'key behind which a load goes on';
COMMENT ON COLUMN mls.publication.known IS 'number of the last event there was when it was looked last; written before anything is sent';
COMMENT ON COLUMN mls.publication.resend_from IS 'position from which the next run sends again; 0 all; NULL none';
COMMENT ON COLUMN mls.publication.paused IS 'whether nothing is sent for now';
COMMENT ON COLUMN mls.publication.rebuild IS 'whether only mls_publish_resend(..., 0) helps';
COMMENT ON COLUMN mls.publication.failures IS 'runs that failed since the last success';
COMMENT ON COLUMN mls.publication.next_attempt_at IS 'calls that name no destination leave it alone until then';
COMMENT ON COLUMN mls.publication.attempted_with IS 'fingerprint of server and user mapping at the last failure: when they change, the next attempt is due at once';
COMMENT ON COLUMN mls.publication.error IS 'why the last run failed; NULL if it did not';
COMMENT ON COLUMN mls.publication.loaded_at IS 'when the last load was over';
COMMENT ON COLUMN mls.publication.succeeded_at IS 'when the last run ended well';

CREATE TABLE mls.publication_resource (
    publication bigint NOT NULL REFERENCES mls.publication ON DELETE CASCADE,
    resource    text NOT NULL,
    how         text NOT NULL CHECK (how IN ('key', 'parent', 'field')),
    relation    regclass,
    key_column  text,
    field       text NOT NULL DEFAULT '',
    PRIMARY KEY (publication, resource, field)
);
COMMENT ON TABLE mls.publication_resource IS 'resources whose records the rows of publications are made of, and how a change of one leads to rows';
COMMENT ON COLUMN mls.publication_resource.publication IS 'the publication';
COMMENT ON COLUMN mls.publication_resource.resource IS 'the resource';
COMMENT ON COLUMN mls.publication_resource.how IS 'key: they are the rows; parent: they belong to them; field: a field of the rows has their key';
COMMENT ON COLUMN mls.publication_resource.relation IS 'where that field is';
COMMENT ON COLUMN mls.publication_resource.key_column IS 'column of that relation with the key of the row';
COMMENT ON COLUMN mls.publication_resource.field IS 'that field';

CREATE TABLE mls.dead_letter (
    publication bigint NOT NULL REFERENCES mls.publication ON DELETE CASCADE,
    key         text COLLATE "C" NOT NULL,
    reason      text NOT NULL,
    first_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    last_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    times       bigint NOT NULL DEFAULT 1,
    again       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (publication, key)
);
COMMENT ON TABLE mls.dead_letter IS 'records that destinations refuse; until one is taken, its row there is the one of before';
COMMENT ON COLUMN mls.dead_letter.publication IS 'the publication';
COMMENT ON COLUMN mls.dead_letter.key IS 'key of the record';
COMMENT ON COLUMN mls.dead_letter.reason IS 'why, in the words of the destination';
COMMENT ON COLUMN mls.dead_letter.first_at IS 'when it was refused first';
COMMENT ON COLUMN mls.dead_letter.last_at IS 'when it was refused last';
COMMENT ON COLUMN mls.dead_letter.times IS 'how often';
COMMENT ON COLUMN mls.dead_letter.again IS 'whether the next run tries it again, though it has not changed';

ALTER TABLE mls.publication ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.publication_resource ENABLE ROW LEVEL SECURITY;
ALTER TABLE mls.dead_letter ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON mls.publication FOR SELECT USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY monitor ON mls.publication FOR SELECT USING (pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
CREATE POLICY owner ON mls.publication_resource FOR SELECT USING (EXISTS (SELECT FROM mls.publication p WHERE p.id = publication));
CREATE POLICY owner ON mls.dead_letter FOR SELECT USING (EXISTS (SELECT FROM mls.publication p WHERE p.id = publication));
GRANT SELECT ON mls.publication, mls.publication_resource, mls.dead_letter TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('mls.publication', '');
SELECT pg_catalog.pg_extension_config_dump('mls.publication_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mls.publication_resource', '');
SELECT pg_catalog.pg_extension_config_dump('mls.dead_letter', '');

-- Runs are of a subscription or of a publication.
ALTER TABLE mls.run ADD publication bigint REFERENCES mls.publication ON DELETE CASCADE;
ALTER TABLE mls.run ADD CHECK (publication IS NULL OR subscription IS NULL);
CREATE INDEX ON mls.run (publication, id) WHERE publication IS NOT NULL;
COMMENT ON COLUMN mls.run.publication IS 'the publication that it kept in step, in place of a subscription';

CREATE FUNCTION mls.oldest_unsent(caller regrole, publication bigint) RETURNS timestamptz
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
#variable_conflict use_column
BEGIN
    -- mls.entity_event is made later.
    RETURN (
SELECT e.at FROM mls.publication p, mls.entity_event e
 WHERE p.id = oldest_unsent.publication AND (pg_has_role(caller, p.owner, 'USAGE') OR pg_has_role(caller, 'pg_monitor', 'USAGE')) AND e.sequence > p.position
   AND e.resource IN (SELECT r.resource FROM mls.publication_resource r WHERE r.publication = p.id)
 ORDER BY e.sequence LIMIT 1);
END $$;
COMMENT ON FUNCTION mls.oldest_unsent(regrole, bigint) IS 'when the first event happened that a publication has not sent, of a caller or of any if he may monitor; NULL if there is none';
CREATE FUNCTION mls.oldest_unsent(publication bigint) RETURNS timestamptz
    LANGUAGE c STABLE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'mls_as_control_sql';
COMMENT ON FUNCTION mls.oldest_unsent(bigint) IS 'part of mls_publications: the same for who calls it';
REVOKE ALL ON FUNCTION mls.oldest_unsent(regrole, bigint), mls.oldest_unsent(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mls.oldest_unsent(bigint) TO pg_monitor;
