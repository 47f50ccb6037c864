-- Many machines: gold spread over the nodes of Citus.  Its functions are called by name, for
-- they are there only where the extension citus is.

CREATE FUNCTION mls.has_citus() RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') $$;
COMMENT ON FUNCTION mls.has_citus() IS 'whether this database has the extension citus';

CREATE FUNCTION mls.require_citus(function text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM mls.refuse_standby(function, 'distribute');
    IF NOT mls.has_citus() THEN
        PERFORM mls.refuse('55000', format('cannot execute %s: this database has no other nodes', function),
            'Install Citus, put it first into shared_preload_libraries, and then: CREATE EXTENSION citus. mls_check_scale() says what else is needed.',
            'The extension citus is not installed in it.');
    END IF;
END $$;
COMMENT ON FUNCTION mls.require_citus(text) IS 'an error where there is no Citus';

CREATE FUNCTION mls.pause_pages() RETURNS void
    AS 'MODULE_PATHNAME', 'mls_pause_pages' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION mls.pause_pages() IS 'no page of any run is written until the end of the transaction';

-- How each table of gold is to stand, or stands: by key, by what it belongs to, or on every node.
CREATE FUNCTION mls.scale_plan(OUT gold regclass, OUT owner regrole, OUT resource text, OUT key_field text, OUT distribution_column text, OUT is_small boolean, OUT is_distributed boolean) RETURNS SETOF record
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT g.gold, c.relowner AS owner, d.resource, CASE WHEN d.unique_key THEN d.key_field END AS key_field,
               CASE WHEN NOT d.unique_key THEN 'mls_source_key' ELSE coalesce(
                   CASE WHEN d.resource <> 'Property' THEN (
                   SELECT f.field FROM mls.dd_field f
                     JOIN pg_attribute a ON a.attrelid = g.gold AND a.attname = f.field AND NOT a.attisdropped AND a.atttypid = 'text'::regtype
                    WHERE f.resource = d.resource
                      AND (f.field = 'ListingKey' AND f.target_resource = 'Property'
                           OR f.field = 'ResourceRecordKey' AND EXISTS (
                                  SELECT FROM mls.dd_field p WHERE p.resource = 'Property' AND p.is_expansion AND p.is_collection AND p.target_resource = d.resource))
                    ORDER BY f.field LIMIT 1) END, d.key_field) END AS distribution_column
          FROM mls.gold_relation g
          JOIN pg_class c ON c.oid = g.gold
          JOIN mls.dd_resource d ON mls.gold_table(d.resource) = g.gold
         WHERE pg_has_role(c.relowner, 'USAGE')
         ORDER BY d.resource <> 'Property', d.resource
    LOOP
        gold := found.gold;
        owner := found.owner;
        resource := found.resource;
        key_field := found.key_field;
        distribution_column := found.distribution_column;
        is_small := resource <> 'Property' AND distribution_column IN (key_field, 'mls_source_key');
        is_distributed := false;
        IF mls.has_citus() THEN
            EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition WHERE logicalrelid = $1)' INTO is_distributed USING gold;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls.scale_plan() IS 'the tables of gold that the caller may distribute: by which column, whether they could be small enough for every node, and whether they are distributed';

CREATE FUNCTION mls_check_scale(OUT object text, OUT obstacle text, OUT cure text) RETURNS SETOF record
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    planned record;
BEGIN
    object := 'database ' || current_database();
    IF NOT mls.has_citus() THEN
        obstacle := 'it has no other nodes: the extension citus is not installed';
        cure := 'put citus first into shared_preload_libraries on all nodes, CREATE EXTENSION citus, citus_set_coordinator_host() and citus_add_node()';
        RETURN NEXT;
    END IF;
    IF NOT EXISTS (SELECT FROM mls.scale_plan()) THEN
        obstacle := 'it has no tables of gold that are yours';
        cure := 'subscribe first: mls_subscribe()';
        RETURN NEXT;
    END IF;
    FOR planned IN SELECT * FROM mls.scale_plan() p WHERE NOT p.is_distributed LOOP
        object := 'table ' || planned.gold;
        FOR obstacle, cure IN
            SELECT format('the trigger %s would not see what is written on other nodes', t.tgname),
                   CASE WHEN t.tgname LIKE 'mls\_change%' THEN 'mls_track(..., false): changes of distributed gold are not logged' ELSE 'do without what needs the trigger, and drop it' END
              FROM pg_trigger t WHERE t.tgrelid = planned.gold AND NOT t.tgisinternal
            UNION ALL
            SELECT 'it is divided into partitions', 'distribute, or divide into partitions'
              FROM pg_class c WHERE c.oid = planned.gold AND (c.relkind = 'p' OR c.relispartition)
            UNION ALL
            SELECT format('the publication %s would not see what is written on other nodes', p.pubname), 'take it out of the publication'
              FROM pg_publication_tables p JOIN pg_class c ON c.oid = planned.gold AND p.tablename = c.relname
              JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = p.schemaname
            UNION ALL
            SELECT format('the foreign key %s', k.conname), 'drop it: rules decide which rows gold has'
              FROM pg_constraint k WHERE k.contype = 'f' AND planned.gold IN (k.conrelid, k.confrelid)
            UNION ALL
            SELECT format('the unique index %s does not hold %s, by which rows are spread', i.indexrelid::regclass, planned.distribution_column), 'drop it'
              FROM pg_index i
             WHERE i.indrelid = planned.gold AND (i.indisunique OR i.indisexclusion) AND NOT i.indisprimary
               AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) AND a.attname = planned.distribution_column)
            UNION ALL
            SELECT format('role %s reads it and may not log in, so other nodes would refuse it', r.rolname),
                   format('ALTER ROLE %I LOGIN PASSWORD NULL, and let pg_hba.conf admit it from nodes only', r.rolname)
              FROM pg_class c, aclexplode(c.relacl) x JOIN pg_roles r ON r.oid = x.grantee
             WHERE c.oid = planned.gold AND x.privilege_type = 'SELECT' AND NOT r.rolcanlogin
        LOOP
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls_check_scale() IS 'what keeps gold of this database from being distributed by mls_distribute(), and what to do about it; nothing if all of it can be';

-- What runs over a table runs as its owner; a table whose rows stand beside what they belong to has that in its key.
CREATE FUNCTION mls.scale_key(gold regclass, VARIADIC fields text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
DECLARE
    owner regrole := (SELECT relowner FROM pg_class WHERE oid = gold);
    known name := (SELECT k.conname FROM pg_constraint k WHERE k.conrelid = gold AND k.contype = 'p');
BEGIN
    PERFORM mls.as_role(owner, format('ALTER TABLE %s DROP CONSTRAINT %I', gold, known));
    PERFORM mls.as_role(owner, format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY (%s)', gold, known, (SELECT string_agg(quote_ident(f), ', ') FROM unnest(fields) f)));
END $$;
COMMENT ON FUNCTION mls.scale_key(regclass, text[]) IS 'gives a table of gold another primary key';

CREATE FUNCTION mls.scale_call(owner regrole, function text, VARIADIC arguments text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
BEGIN
    PERFORM mls.as_role(owner, format('SELECT to_jsonb(pg_catalog.%I(%s)::text)', function,
        (SELECT string_agg(CASE WHEN a ~ '^\w+ => ' THEN split_part(a, ' => ', 1) || ' => ' || quote_literal(substr(a, strpos(a, ' => ') + 4)) ELSE quote_literal(a) END, ', ' ORDER BY n)
           FROM unnest(arguments) WITH ORDINALITY x (a, n))));
END $$;
COMMENT ON FUNCTION mls.scale_call(regrole, text, text[]) IS 'calls a function of Citus as the owner of a table';

CREATE FUNCTION mls.scale_rows(owner regrole, gold regclass) RETURNS bigint
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT r::bigint FROM mls.as_role(owner, format('SELECT to_jsonb(count(*)) FROM %s', gold)) r $$;
COMMENT ON FUNCTION mls.scale_rows(regrole, regclass) IS 'how many rows a table of gold has';

CREATE FUNCTION mls.scale_views(gold regclass) RETURNS SETOF oid
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
SELECT gold::oid UNION
SELECT r.ev_class FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
 WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = gold $$;
COMMENT ON FUNCTION mls.scale_views(regclass) IS 'a table of gold, and the views over it';

CREATE FUNCTION mls_distribute(
    shards integer DEFAULT 4, layers text DEFAULT 'gold', small_rows bigint DEFAULT 100000,
    OUT gold regclass, OUT distribution text, OUT rows bigint) RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
DECLARE
    planned record;
    fault record;
    beside text := 'none';
BEGIN
    PERFORM mls.require_citus('mls_distribute()');
    IF layers <> 'gold' THEN
        PERFORM mls.refuse('0A000', format('cannot distribute %s', layers), 'Distribute gold: mls_distribute(layers => ''gold'').',
            'Bronze and silver of a source stand on the node that syncs it.');
    ELSIF shards NOT BETWEEN 1 AND 1024 THEN
        PERFORM mls.refuse('22023', format('cannot distribute over %s', mls.counted(shards, 'shard', 'shards')), 'Give 1 to 1024: about two for each node are enough.');
    END IF;
    SELECT * INTO fault FROM @extschema@.mls_check_scale() LIMIT 1;
    IF FOUND THEN
        PERFORM mls.refuse('55000', format('cannot distribute %s: %s', fault.object, fault.obstacle), fault.cure || '.');
    END IF;
    PERFORM mls.pause_pages();
    PERFORM mls.claim_sources();
    -- Several tables of one transaction go one after another.
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    FOR planned IN SELECT * FROM mls.scale_plan() LOOP
        gold := planned.gold;
        rows := mls.scale_rows(planned.owner, gold);
        IF planned.resource = 'Property' THEN
            beside := gold::text;
        END IF;
        CONTINUE WHEN planned.is_distributed;
        IF planned.is_small AND rows <= small_rows THEN
            distribution := 'on every node';
            PERFORM mls.scale_call(planned.owner, 'create_reference_table', gold::text);
        ELSE
            distribution := format('by "%s"', planned.distribution_column);
            IF planned.key_field IS NOT NULL AND planned.distribution_column <> planned.key_field THEN
                PERFORM mls.as_role(planned.owner, format('UPDATE %s SET %2$I = '''' WHERE %2$I IS NULL', gold, planned.distribution_column));
                PERFORM mls.scale_key(gold, planned.distribution_column, planned.key_field);
                PERFORM mls.as_role(planned.owner, format('CREATE INDEX ON %s (%I)', gold, planned.key_field));
            END IF;
            PERFORM mls.scale_call(planned.owner, 'create_distributed_table', VARIADIC ARRAY[gold::text, planned.distribution_column]
                || CASE WHEN beside IN ('none', gold::text) THEN ARRAY['colocate_with => none', 'shard_count => ' || shards] ELSE ARRAY['colocate_with => ' || beside] END);
        END IF;
        PERFORM mls.scale_call(planned.owner, 'truncate_local_data_after_distributing_table', gold::text);
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION mls_distribute(integer, text, bigint) IS 'spreads gold over the nodes of Citus: by key, media and whatever else belongs to listings beside them; tables of other resources with at most small_rows rows are on every node; how, and with how many rows';

CREATE FUNCTION mls_undistribute(OUT gold regclass, OUT rows bigint) RETURNS SETOF record
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
    AS $$
DECLARE
    planned record;
    remarks text[];
    remark text;
    name text;
    subscribed regclass;
BEGIN
    PERFORM mls.require_citus('mls_undistribute()');
    PERFORM mls.pause_pages();
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    IF to_regclass('mls.source_node') IS NOT NULL THEN
        EXECUTE 'SELECT min(n.source) FROM mls.source_node n WHERE mls.lives_elsewhere(n.source)' INTO name;
        IF name IS NOT NULL THEN
            PERFORM mls.refuse('55000', format('cannot bring gold back to one node: source "%s" lives on another', name),
                'Move it here first: mls_move_source(), there.');
        END IF;
    END IF;
    IF EXISTS (SELECT FROM mls.audience a JOIN mls.scale_plan() p ON p.gold = a.gold AND p.is_distributed) THEN
        PERFORM mls.refuse('55000', 'cannot bring gold back to one node: audiences read it',
            'Take them away with mls_set_audience(), and give them back afterwards.', 'Tables and views are made anew, and what audiences may see of them would be lost.');
    END IF;
    FOR planned IN SELECT * FROM mls.scale_plan() p WHERE p.is_distributed LOOP
        name := planned.gold::text;
        remarks := ARRAY(
            SELECT format('COMMENT ON COLUMN %s.%I IS %L', d.objoid::regclass, a.attname, d.description)
              FROM pg_description d JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
             WHERE d.classoid = 'pg_class'::regclass AND d.objsubid > 0 AND d.objoid IN (SELECT mls.scale_views(planned.gold))
            UNION ALL
            SELECT format('COMMENT ON %s %s IS %L', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, d.objoid::regclass, d.description)
              FROM pg_description d JOIN pg_class c ON c.oid = d.objoid AND c.relkind IN ('r', 'v')
             WHERE d.classoid = 'pg_class'::regclass AND d.objsubid = 0 AND d.objoid IN (SELECT mls.scale_views(planned.gold)));
        PERFORM mls.scale_call(planned.owner, 'undistribute_table', name);
        gold := name::regclass;
        IF planned.key_field IS NOT NULL AND planned.distribution_column <> planned.key_field
           AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = gold AND i.indisprimary AND i.indnatts = 2) THEN
            PERFORM mls.scale_key(gold, planned.key_field);
            PERFORM mls.as_role(planned.owner, format('ALTER TABLE %s ALTER %2$I DROP NOT NULL', gold, planned.distribution_column));
            PERFORM mls.as_role(planned.owner, format('UPDATE %s SET %2$I = NULL WHERE %2$I = ''''', gold, planned.distribution_column));
        END IF;
        FOREACH remark IN ARRAY remarks LOOP
            PERFORM mls.as_role(planned.owner, remark);
        END LOOP;
        rows := mls.scale_rows(planned.owner, gold);
        RETURN NEXT;
    END LOOP;
    PERFORM mls.release_sources();
    -- The tables are others of the same names.
    FOR subscribed IN
        SELECT s.foreign_table FROM mls.subscription s
         WHERE pg_has_role(s.owner, 'USAGE') AND s.gold IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = s.gold)
    LOOP
        PERFORM @extschema@.mls_subscribe(subscribed);
    END LOOP;
END $$;
COMMENT ON FUNCTION mls_undistribute() IS 'brings gold back to this node: its tables are local ones again; with how many rows';

CREATE FUNCTION mls_move_source(source text, node integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    here integer;
    lives integer;
    known boolean;
    is_active boolean;
BEGIN
    PERFORM mls.require_citus('mls_move_source()');
    IF to_regclass('mls.source_node') IS NOT NULL THEN
        EXECUTE 'SELECT n.node FROM mls.source_node n WHERE n.source = $1' INTO lives USING source;
    END IF;
    IF lives IS NULL THEN
        PERFORM mls.refuse('42704', format('source "%s" lives on no node', source), 'The first sync into distributed gold decides where it does.');
    END IF;
    EXECUTE 'SELECT groupid FROM pg_catalog.pg_dist_local_group' INTO here;
    EXECUTE 'SELECT bool_or(isactive) FROM pg_catalog.pg_dist_node WHERE groupid = $1' INTO known USING node;
    EXECUTE 'SELECT coalesce(bool_or(isactive), false) FROM pg_catalog.pg_dist_node WHERE groupid = $1' INTO is_active USING lives;
    IF known IS NOT TRUE THEN
        PERFORM mls.refuse('22023', format('there is no active node %s', node), 'The column groupid of pg_dist_node has the numbers of nodes.');
    ELSIF lives <> here AND is_active THEN
        PERFORM mls.refuse('55000', format('source "%s" lives on node %s', source, lives), 'Move it there: whoever syncs it has to stop first.');
    END IF;
    PERFORM mls.note_source_node(source, node);
END $$;
COMMENT ON FUNCTION mls_move_source(text, integer) IS 'has another node of Citus sync a source from now on; called on the node that it leaves, or on any if that one is not active any more';

REVOKE ALL ON FUNCTION mls.has_citus(), mls.require_citus(text), mls.pause_pages(), mls.scale_plan(), mls.scale_key(regclass, text[]), mls.scale_call(regrole, text, text[]), mls.scale_rows(regrole, regclass), mls.scale_views(regclass),
    mls_check_scale(), mls_distribute(integer, text, bigint), mls_undistribute(), mls_move_source(text, integer) FROM PUBLIC;
