-- Comparisons that find an index behind row security.
--
-- There PostgreSQL looks at a condition before the policies only if it is leakproof, and so
-- uses an index for it.  It holds comparisons of texts, integers and times for that, but not
-- those of numeric, and not LIKE.  The first here are PostgreSQL's own code, which raises no
-- error that depends on a value (cmp_numerics() in numeric.c, 15 to 18); LIKE is ours.  A
-- condition has to name them, OPERATOR(mls.<), and the index their class:
--   CREATE INDEX ON gold.property ("ListPrice" mls.numeric_ops);

CREATE FUNCTION mls.numeric_lt(numeric, numeric) RETURNS boolean AS 'numeric_lt' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION mls.numeric_lt(numeric, numeric) IS 'less than, leakproof';
CREATE FUNCTION mls.numeric_le(numeric, numeric) RETURNS boolean AS 'numeric_le' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION mls.numeric_le(numeric, numeric) IS 'less than or equal, leakproof';
CREATE FUNCTION mls.numeric_eq(numeric, numeric) RETURNS boolean AS 'numeric_eq' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION mls.numeric_eq(numeric, numeric) IS 'equal, leakproof';
CREATE FUNCTION mls.numeric_ne(numeric, numeric) RETURNS boolean AS 'numeric_ne' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION mls.numeric_ne(numeric, numeric) IS 'not equal, leakproof';
CREATE FUNCTION mls.numeric_ge(numeric, numeric) RETURNS boolean AS 'numeric_ge' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION mls.numeric_ge(numeric, numeric) IS 'greater than or equal, leakproof';
CREATE FUNCTION mls.numeric_gt(numeric, numeric) RETURNS boolean AS 'numeric_gt' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION mls.numeric_gt(numeric, numeric) IS 'greater than, leakproof';
CREATE FUNCTION mls.text_like(text, text) RETURNS boolean AS 'MODULE_PATHNAME', 'mls_text_like_sql' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION mls.text_like(text, text) IS 'LIKE that raises no error, leakproof; texts are compared byte by byte';
CREATE FUNCTION mls.text_not_like(text, text) RETURNS boolean AS 'MODULE_PATHNAME', 'mls_text_not_like_sql' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION mls.text_not_like(text, text) IS 'NOT LIKE, likewise';

CREATE OPERATOR mls.< (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = mls.numeric_lt, COMMUTATOR = OPERATOR(mls.>), NEGATOR = OPERATOR(mls.>=),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR mls.<= (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = mls.numeric_le, COMMUTATOR = OPERATOR(mls.>=), NEGATOR = OPERATOR(mls.>),
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
CREATE OPERATOR mls.= (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = mls.numeric_eq, COMMUTATOR = OPERATOR(mls.=), NEGATOR = OPERATOR(mls.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, MERGES);
CREATE OPERATOR mls.<> (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = mls.numeric_ne, COMMUTATOR = OPERATOR(mls.<>), NEGATOR = OPERATOR(mls.=),
    RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR mls.>= (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = mls.numeric_ge, COMMUTATOR = OPERATOR(mls.<=), NEGATOR = OPERATOR(mls.<),
    RESTRICT = scalargesel, JOIN = scalargejoinsel);
CREATE OPERATOR mls.> (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = mls.numeric_gt, COMMUTATOR = OPERATOR(mls.<), NEGATOR = OPERATOR(mls.<=),
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
CREATE OPERATOR mls.~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = mls.text_like, NEGATOR = OPERATOR(mls.!~~), RESTRICT = likesel, JOIN = likejoinsel);
CREATE OPERATOR mls.!~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = mls.text_not_like, NEGATOR = OPERATOR(mls.~~), RESTRICT = nlikesel, JOIN = nlikejoinsel);

CREATE OPERATOR CLASS mls.numeric_ops FOR TYPE numeric USING btree AS
    OPERATOR 1 mls.<, OPERATOR 2 mls.<=, OPERATOR 3 mls.=, OPERATOR 4 mls.>=, OPERATOR 5 mls.>,
    FUNCTION 1 pg_catalog.numeric_cmp(numeric, numeric), FUNCTION 2 pg_catalog.numeric_sortsupport(internal);

COMMENT ON OPERATOR mls.< (numeric, numeric) IS 'less than, leakproof';
COMMENT ON OPERATOR mls.<= (numeric, numeric) IS 'less than or equal, leakproof';
COMMENT ON OPERATOR mls.= (numeric, numeric) IS 'equal, leakproof';
COMMENT ON OPERATOR mls.<> (numeric, numeric) IS 'not equal, leakproof';
COMMENT ON OPERATOR mls.>= (numeric, numeric) IS 'greater than or equal, leakproof';
COMMENT ON OPERATOR mls.> (numeric, numeric) IS 'greater than, leakproof';
COMMENT ON OPERATOR mls.~~ (text, text) IS 'LIKE that raises no error, leakproof';
COMMENT ON OPERATOR mls.!~~ (text, text) IS 'NOT LIKE, likewise';
COMMENT ON OPERATOR CLASS mls.numeric_ops USING btree IS 'for indexes on numeric that are used behind row security';
COMMENT ON OPERATOR FAMILY mls.numeric_ops USING btree IS 'for indexes on numeric that are used behind row security';

GRANT EXECUTE ON FUNCTION mls.numeric_lt(numeric, numeric), mls.numeric_le(numeric, numeric), mls.numeric_eq(numeric, numeric), mls.numeric_ne(numeric, numeric),
    mls.numeric_ge(numeric, numeric), mls.numeric_gt(numeric, numeric), mls.text_like(text, text), mls.text_not_like(text, text) TO PUBLIC;

-- Parts of texts are found by trigrams, where pg_trgm is there; its functions do it.
CREATE FUNCTION mls_serve_trigrams() RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    place name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm');
BEGIN
    PERFORM mls.refuse_standby('mls_serve_trigrams()', 'do this');
    IF place IS NULL THEN
        PERFORM mls.refuse('55000', 'the extension pg_trgm is not there', 'CREATE EXTENSION pg_trgm first.');
    ELSIF EXISTS (SELECT FROM pg_opclass o WHERE o.opcname = 'trigram_ops' AND o.opcnamespace = 'mls'::regnamespace) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE OPERATOR CLASS mls.trigram_ops FOR TYPE text USING gin AS OPERATOR 3 mls.~~ (text, text), '
                   'FUNCTION 1 (text, text) pg_catalog.btint4cmp(integer, integer), FUNCTION 2 (text, text) %1$I.gin_extract_value_trgm(text, internal), '
                   'FUNCTION 3 (text, text) %1$I.gin_extract_query_trgm(text, internal, smallint, internal, internal, internal, internal), '
                   'FUNCTION 4 (text, text) %1$I.gin_trgm_consistent(internal, smallint, text, integer, internal, internal, internal, internal), '
                   'FUNCTION 6 (text, text) %1$I.gin_trgm_triconsistent(internal, smallint, text, integer, internal, internal, internal), STORAGE integer', place);
END $$;
COMMENT ON FUNCTION mls_serve_trigrams() IS 'make the operator class mls.trigram_ops, by which a GIN index on a text finds its parts behind row security; needs pg_trgm and a superuser';
REVOKE ALL ON FUNCTION mls_serve_trigrams() FROM PUBLIC;
