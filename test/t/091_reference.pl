# The documentation is complete and the extension explains itself: tables of options,
# names of functions, views and settings, messages, comments, and what PUBLIC may call.

use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $tree = $ENV{MLS_TREE};
my $node = new_node('reference');
my %page = map { $_ => slurp_file("$tree/docs/$_.md") } qw(options functions operations);

# What a query finds, one per row.
sub list_of
{
	my ($sql) = @_;
	return split /\n/, $node->safe_psql('postgres', $sql);
}

# The objects the extension consists of, as pg_depend has them.
my $members = q{pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass
	AND d.refobjid = e.oid AND d.deptype = 'e' AND e.extname = 'mls_fdw'};

# ---- Options ----

{
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGDATABASE} = 'postgres';
	my ($made, $err) = run_command([ 'bash', "$tree/test/options_doc.sh", "$tree/docs/options.md" ]);
	is($made, $page{options} =~ s/\n\z//r, 'docs/options.md is what test/options_doc.sh makes')
	  or diag($err);
}
for my $object (list_of('SELECT DISTINCT object FROM mls_options()'))
{
	like($page{options}, qr/^<!-- options: \Q$object\E -->$/m, "options of a $object have a table");
}

my $platforms = sql_error($node, q{CREATE SERVER s FOREIGN DATA WRAPPER mls_fdw
	OPTIONS (protocol 'reso', platform 'none of them', url 'https://api.example.com')});
ok($platforms =~ /Valid values are: (.*)\./, 'the platforms are listed in a hint');
for my $platform (split /, /, $1)
{
	like($page{options}, qr/^\| `$platform` \|/m, "platform $platform is described");
	like($page{options}, qr/^\| \|.* `$platform` \|/m, "platform $platform has a column of constants");
}

# ---- Names ----

my @names = (
	list_of("SELECT (CASE n.nspname WHEN 'mls' THEN 'mls.' ELSE '' END) || p.proname
		FROM $members JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass
		JOIN pg_namespace n ON n.oid = p.pronamespace"),
	list_of("SELECT (CASE n.nspname WHEN 'mls' THEN 'mls.' ELSE '' END) || c.relname
		FROM $members JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v')"),
	list_of("LOAD 'mls_fdw'; SELECT name FROM pg_settings WHERE name LIKE 'mls\\_fdw.%'"));
cmp_ok(scalar @names, '>', 20, 'the extension has names to document');
for my $name (@names)
{
	like($page{functions}, qr/\b\Q$name\E\b/, "docs/functions.md names $name");
}
for my $column (list_of("SELECT DISTINCT a.attname FROM pg_attribute a
	WHERE a.attrelid IN ('mls_status'::regclass, 'mls_status_detail'::regclass, 'mls_history'::regclass) AND a.attnum > 0"))
{
	like($page{functions}, qr/`$column`/, "docs/functions.md names the column $column");
}

# ---- Messages ----

# The parts of a message that are the same each time stand in the library, or in the script.
my ($script) = glob($node->config_data('--sharedir') . '/extension/mls_fdw--*.sql');
my $library = slurp_file($node->config_data('--pkglibdir') . '/mls_fdw.so') . slurp_file($script);
my ($messages) = $page{operations} =~ /^## Messages\n(.*)/ms;
my @messages = $messages =~ /^\| `(.*?)` \|/mg;
cmp_ok(scalar @messages, '>', 40, 'there are messages in docs/operations.md');
for my $message (@messages)
{
	my @missing = grep { length > 2 && index($library, $_) < 0 } split /\.\.\./, $message;
	is("@missing", '', "the library says: $message");
}

# ---- Links ----

# A heading's anchor, as GitHub makes it.
sub anchors_of
{
	my ($text) = @_;
	return map { lc(s/[^\w\s-]//gr) =~ s/\s/-/gr } $text =~ /^#+ (.*)$/mg;
}
for my $from ('README.md', map { s{.*/(docs/)}{$1}r } glob "$tree/docs/*.md")
{
	my ($folder) = $from =~ m{^(.*/)?};
	my @broken;
	for my $link (slurp_file("$tree/$from") =~ /\]\((?!https?:)([^)]+)\)/g)
	{
		my ($path, $anchor) = split /#/, $link;
		my $to = $path ? "$tree/" . ($folder || '') . $path : "$tree/$from";
		next if $path && $path =~ /^(LICENSE|CHANGELOG\.md)$/;    # not in the tests' copy of the tree
		push @broken, $link
		  unless -e $to && (!$anchor || grep { $_ eq $anchor } anchors_of(slurp_file($to)));
	}
	is("@broken", '', "links of $from lead somewhere");
}

# ---- Comments ----

is( $node->safe_psql('postgres', "
	SELECT string_agg(pg_describe_object(d.classid, d.objid, 0), ', ')
	  FROM $members
	 WHERE NOT EXISTS (SELECT FROM pg_description c
	                    WHERE c.classoid = d.classid AND c.objoid = d.objid AND c.objsubid = 0)
	   AND NOT EXISTS (SELECT FROM pg_class s
	                    WHERE s.oid = d.objid AND d.classid = 'pg_class'::regclass AND s.relkind = 'S')
	   AND NOT EXISTS (SELECT FROM pg_type t -- of tables, which are members themselves from 17 on
	                    WHERE t.oid = d.objid AND d.classid = 'pg_type'::regclass AND (t.typrelid <> 0 OR t.typelem <> 0))"),
	'', 'every object of the extension has a comment');
is( $node->safe_psql('postgres', "
	SELECT string_agg(format('%s.%s', a.attrelid::regclass, a.attname), ', ')
	  FROM $members
	  JOIN pg_attribute a ON a.attrelid = d.objid AND d.classid = 'pg_class'::regclass
	  JOIN pg_class t ON t.oid = a.attrelid AND t.relkind IN ('r', 'v')
	 WHERE a.attnum > 0 AND NOT a.attisdropped AND col_description(a.attrelid, a.attnum) IS NULL"),
	'', 'every column of its tables and views has a comment');

# ---- Privileges ----

# Neither starts work nor opens the network, and reads no table but the dictionary.
my @harmless = sort { $a cmp $b } 'mls.exact_numeric(double precision)', split ' ', q{
	mls_fdw_handler() mls_fdw_validator(text[],oid) mls_metadata(text,text)
	mls_metadata_findings(text,text) mls_options() mls_row(anyelement,json)
	mls.display_value(text,text) mls.display_values(text,text[]) mls.try_bigint(text) mls.exact_numeric(real)
	mls.convert_unit(numeric,text,text) mls.map_list(text,jsonb,text) mls.ddf_text(jsonb) mls.ddf_texts(jsonb) mls.ddf_amount(text) mls.ddf_total(jsonb) mls.ddf_least(jsonb) mls.ddf_measure(text) mls.ddf_unit(text) mls.ddf_size(text,text) mls.ddf_year(text) mls.ddf_date(text) mls.ddf_time(text,text) mls.ddf_newest(jsonb,text) mls.ddf_postal_code(text) mls.ddf_utilities(jsonb)
	mls.try_boolean(text) mls.try_date(text) mls.try_numeric(text) mls.try_timestamptz(text,text)
	mls_distance(numeric,numeric,numeric,numeric) mls.geocode_question(text,text,text,text,text,text,text,text,text,text,text,text,text,text,text,text) mls.odata(record,boolean,text[]) mls.claim(text) mls.text_like(text,text) mls.text_not_like(text,text)
	mls.numeric_lt(numeric,numeric) mls.numeric_le(numeric,numeric) mls.numeric_eq(numeric,numeric) mls.numeric_ne(numeric,numeric) mls.numeric_ge(numeric,numeric) mls.numeric_gt(numeric,numeric)};
# In the rights of an audience, of what it is shown.
push @harmless, qw(mls.served_fields(regrole,text,regclass,regclass) mls.served_resources(regrole) mls.serve_fields() mls.used_values(regclass,text[],text) mls.serve_lookups()), 'mls.brings_news(timestamp with time zone,"any")';
@harmless = sort { $a cmp $b } @harmless;
is( join("\n", sort { $a cmp $b } list_of("SELECT p.oid::regprocedure FROM $members
	JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass
	WHERE has_function_privilege('public', p.oid, 'EXECUTE')")),
	join("\n", @harmless), 'PUBLIC may call harmless functions only');
is( $node->safe_psql('postgres', "
	SELECT string_agg(c.oid::regclass::text, ', ') FROM $members
	  JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
	 WHERE has_table_privilege('public', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
	    OR c.relkind <> 'S' AND has_table_privilege('public', c.oid, 'SELECT')
	       AND c.relname !~ '^(dd_|[a-z]+_map\$)' AND c.relname <> ALL ('{Lookup,Field,EntityEvent,served_audience,served_dataset,served_licence,office_event,readable_field}')"),
	'', 'PUBLIC may read the dictionary, the rules and what an audience is shown, and change nothing');
# One function runs as its owner: gold must know whether rows of another role still have a
# source; it answers yes or no about a name.
is( $node->safe_psql('postgres', "
	SELECT string_agg(p.oid::regprocedure::text, ', ') FROM $members
	  JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass
	  JOIN pg_language l ON l.oid = p.prolang
	 WHERE p.prosecdef AND p.oid <> 'mls.is_replicated(text, text)'::regprocedure OR l.lanname IN ('sql', 'plpgsql')
	   AND NOT coalesce(p.proconfig, '{}') \@> '{\"search_path=pg_catalog, pg_temp\"}'"),
	'', 'functions in SQL pin their search_path, and only one is SECURITY DEFINER');

$node->stop;
done_testing();
