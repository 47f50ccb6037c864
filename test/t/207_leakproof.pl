# Comparisons that find an index behind row security: they say what PostgreSQL's say, raise
# nothing, and are used by plans of readers with policies.
use strict;
use warnings;

use MlsTest;
use Test::More;

my $node = new_node('leakproof');

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

is(query(q{SELECT string_agg(format('%s %s %s', a, o, b), ', ') FROM
	(VALUES (1::numeric), (1.0), (2.50), (-3), ('NaN'), ('Infinity'), ('-Infinity'), (1e100), (0)) x (a), (VALUES (1::numeric), (2.5), ('NaN'), ('Infinity'), ('-Infinity'), (-1e-20)) y (b),
	LATERAL (VALUES ('<', a OPERATOR(mls.<) b, a < b), ('<=', a OPERATOR(mls.<=) b, a <= b), ('=', a OPERATOR(mls.=) b, a = b), ('<>', a OPERATOR(mls.<>) b, a <> b), ('>=', a OPERATOR(mls.>=) b, a >= b), ('>', a OPERATOR(mls.>) b, a > b)) v (o, ours, theirs)
	WHERE ours IS DISTINCT FROM theirs}), '', 'numbers compare as ever');
is(query(q{SELECT string_agg(format('%s ~~ %s', t, p), ', ') FROM
	(VALUES (''), ('a'), ('abc'), ('aXbXc'), ('100%'), ('a_b'), ('back\slash'), ('Ünïcödé'), ('日本語'), (E'two\nlines'), ('aaaaaaaaab'), ('%'), ('_'), ('\'), ('O''Fallon')) x (t),
	(VALUES (''), ('%'), ('%%'), ('_'), ('__'), ('a%'), ('%c'), ('%b%'), ('a_c'), ('a%b%c'), ('100\%'), ('a\_b'), ('back\\\\slash'), ('%ï_ö%'), ('_本_'), ('日%'), ('%e\s'), ('%aab'), ('\%'), ('\_'), ('\\\\'), ('%''%'), ('%\n%'), ('_%_%_')) y (p)
	WHERE t OPERATOR(mls.~~) p IS DISTINCT FROM (t LIKE p) OR t OPERATOR(mls.!~~) p IS NOT DISTINCT FROM (t LIKE p)}), '', 'LIKE says what LIKE says');
is(query(q{SELECT 'a' OPERATOR(mls.~~) 'a\', 'a\' OPERATOR(mls.~~) 'a\', 'a' OPERATOR(mls.~~) '\', 'xa' OPERATOR(mls.~~) '%\', 'x' OPERATOR(mls.~~) NULL IS NULL}), 'f|t|f|f|t', 'and no error where that has one');
is(query(q{SELECT count(*) FROM (SELECT string_agg(substr('ab%_\é', 1 + floor(random() * 6)::int, 1), '') AS t, n FROM generate_series(1, 3000) n, generate_series(1, 1 + (n % 7)) GROUP BY n) x,
	LATERAL (SELECT string_agg(substr('ab%_é', 1 + floor(random() * 5)::int, 1), '') AS p FROM generate_series(1, 1 + (n % 5))) y WHERE t OPERATOR(mls.~~) p IS DISTINCT FROM (t LIKE p)}), 0, 'whatever is compared');

query(q{
	CREATE ROLE reader; CREATE TABLE listing (id integer PRIMARY KEY, price numeric, remarks text, shown boolean);
	INSERT INTO listing SELECT n, n * 1000.50, 'word' || n || ' near the river ' || md5(n::text), n % 2 = 0 FROM generate_series(1, 20000) n;
	ALTER TABLE listing ENABLE ROW LEVEL SECURITY; CREATE POLICY shown ON listing USING (shown); GRANT SELECT ON listing TO reader; GRANT USAGE ON SCHEMA mls TO reader;
	CREATE INDEX listing_price ON listing (price mls.numeric_ops); CREATE INDEX listing_default ON listing (price);
	ANALYZE listing});
my $explain = 'SET ROLE reader; EXPLAIN (COSTS OFF) SELECT * FROM listing WHERE';
like(query("$explain price OPERATOR(mls.>=) 5000 AND price OPERATOR(mls.<) 6000"), qr/Index Cond: \(\(price OPERATOR\(mls.>=\) '5000'::numeric\) AND \(price OPERATOR\(mls.<\)/, 'a price finds its index behind policies');
unlike(query("$explain price >= 5000 AND price < 6000"), qr/Index Cond/, 'as PostgreSQL\'s own do not');
like(query("$explain price OPERATOR(mls.=) 5002.5"), qr/Index Cond/, 'equality too');
like(query('SET enable_seqscan = off; SET enable_sort = off; SET ROLE reader; EXPLAIN (COSTS OFF) SELECT * FROM listing ORDER BY price USING OPERATOR(mls.<) LIMIT 5'), qr/Index Scan using listing_price/, 'and the order by it');
is(query('SET ROLE reader; SELECT count(*) FROM listing WHERE price OPERATOR(mls.>=) 5000 AND price OPERATOR(mls.<) 9000'), 2, 'with the rows that are seen');
like(sql_error($node, q{SELECT mls_serve_trigrams()}), qr/55000: the extension pg_trgm is not there/, 'trigrams need pg_trgm');

SKIP:
{
	skip 'pg_trgm is not installed', 3 if query(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'}) eq '0';
	query(q{CREATE EXTENSION pg_trgm; SELECT mls_serve_trigrams(), mls_serve_trigrams(); CREATE INDEX listing_remarks ON listing USING gin (remarks mls.trigram_ops)});
	like(query("$explain remarks OPERATOR(mls.~~) '%word777 %'"), qr/Index Cond: \(remarks OPERATOR\(mls.~~\)/, 'a part of a text finds its index behind policies');
	is(query(q{SET ROLE reader; SELECT count(*) FROM listing WHERE remarks OPERATOR(mls.~~) '%word777%'}), query(q{SELECT count(*) FROM listing WHERE shown AND remarks LIKE '%word777%'}), 'with the rows that are seen');
	is(query(q{SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; PREPARE p(text) AS SELECT count(*) FROM listing WHERE remarks OPERATOR(mls.~~) $1; SET ROLE reader; EXECUTE p('%a\\')}), 0, 'a pattern that ends in a backslash is none');
}

$node->stop;
done_testing();
