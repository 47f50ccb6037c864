# MlsTruth: compares the copies of a model with what the server has, layer by layer.
package MlsTruth;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(differences_from_truth differences_from_nothing removed_by_purges literal);

# A key for SQL, in UTF-8
sub literal
{
	my ($key) = @_;
	utf8::encode($key);
	return q{'} . $key =~ s/'/''/gr . q{'};
}

# Loads the server's records, and the keys that may still be here though they are gone there.
sub load_truth
{
	my ($model, $gone) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/truth_$model->{seed}.json";
	open my $out, '>', $file or die "$file: $!";
	print $out $model->{mls}->get("truth?resource=$model->{face}{resource}");
	close $out;
	my $keys = join ', ', map { literal($_) } @$gone;
	my $sent = $model->{face}{sent} || 'r';
	my %of = %{ $model->{face}{fields} };
	return qq{
		CREATE TEMP TABLE gone AS SELECT unnest(ARRAY[$keys]::text[]) AS key;
		CREATE TEMP TABLE lines (record text);
		\\copy lines FROM '$file' (FORMAT csv, DELIMITER e'\\x01', QUOTE e'\\x02')
		CREATE TEMP TABLE truth AS SELECT r->>'$of{key}' AS key, $sent AS r,
			(r->>'MlgCanView')::boolean AS shown,
			regexp_replace(r->>'$of{modified}', '([.]\\d{6})\\d+', '\\1')::timestamptz AS at
			FROM (SELECT record::jsonb AS r FROM lines) l;
	};
}

# Selects a line when two selections, whose first column is key, are not the same rows.
sub differ
{
	my ($what, $truth, $copy, $prefix) = @_;
	return qq{
		SELECT '$what: ' || count(*) || ' differ, as ' || (array_agg(DISTINCT key ORDER BY key))[1:5]::text
		FROM (($truth EXCEPT ALL $copy) UNION ALL ($copy EXCEPT ALL $truth)) x
		WHERE NOT EXISTS (SELECT FROM gone g WHERE '$prefix' || g.key = x.key) HAVING count(*) > 0};
}

sub differences_of
{
	my ($model, $name) = @_;
	my $face = $model->{face};
	my $there = $face->{flagged}{$name} ? 'FROM truth WHERE shown' : 'FROM truth';
	my $bronze = "FROM bronze.${name}_$face->{copies} WHERE deleted_at IS NULL";
	my %of = %{ $face->{fields} };
	my $columns = "r->>'$of{listing_id}', (r->>'$of{list_price}')::numeric, (r->>'$of{bedrooms_total}')::bigint, r->>'$of{city}', at";
	my ($of_truth, $of_bronze) = ref $face->{record} ? @{ $face->{record} } : ($face->{record}) x 2;
	my $sent = $of_truth =~ s/%s/r/gr;
	my $kept = $of_bronze =~ s/%s/record/gr;
	return join ' UNION ALL ',
	  differ("bronze of $name", "SELECT key, $sent $there", "SELECT key, $kept $bronze", ''),
	  differ("timestamps of $name", "SELECT key, at $there", "SELECT key, modified_at $bronze", ''),
	  differ("silver of $name", "SELECT key, $columns $there", qq{
		SELECT listing_key AS key, listing_id, list_price, bedrooms_total, city, modification_timestamp
		FROM silver.${name}_$face->{copies}}, ''),
	  differ("gold of $name", "SELECT '$name:' || key AS key, $columns $there", qq{
		SELECT "ListingKey" AS key, "ListingId", "ListPrice", "BedroomsTotal", "City", "ModificationTimestamp"
		FROM gold.property WHERE mls_source = '$name'}, "$name:");
}

# The runs: none is open, all are accounted for.  No cursor is ahead of the server's clock.
my $check_runs = q{
	SELECT 'run ' || id || ' is still running' FROM mls.run WHERE status = 'running'
	UNION ALL
	SELECT 'run ' || id || ' does not add up' FROM mls.run
	WHERE process = 'sync' AND received <> inserted + updated + unchanged + deleted
	UNION ALL
	SELECT 'subscription ' || id || ' is not at rest' FROM mls.subscription
	WHERE resume_timestamp IS NOT NULL OR resume_link IS NOT NULL
	UNION ALL
	SELECT 'the cursor of ' || source || ' is in the future' FROM mls.subscription WHERE cursor_at > '%s'
	UNION ALL
	SELECT 'issue: ' || reason FROM mls.issue};

# Every difference in a line; nothing when the copies are true but for the gone keys.
sub differences_from_truth
{
	my ($model, @gone) = @_;
	my $runs = sprintf $check_runs, MlsModel::stamp($model->{top} + 1);
	return $model->sql(load_truth($model, \@gone)
		  . join(' UNION ALL ', (map { differences_of($model, $_) } $model->names), $runs));
}

# The law of gold: it is what a rebuild makes of silver, rules and precedence.  All gold
# tables are made from nothing, one subscription after the other in an order that
# depends on the number given, and compared both ways; then all is taken back.  Rows
# of sources that are not subscribed any more may be there besides.
sub differences_from_nothing
{
	my ($node, $order) = @_;
	my @tables = split /\n/, $node->safe_psql('postgres', q{
		SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = to_regnamespace('gold')::oid AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1});
	my @subscribed = split /\n/, $node->safe_psql('postgres', sprintf(q{
		SELECT foreign_table FROM mls.subscription ORDER BY hashint8extended(id, %d)}, $order // 0));
	my $before = join '', map { my $copy = 'was_' . s/\W/_/gr; "CREATE TEMP TABLE $copy AS SELECT * FROM $_;\n" } @tables;
	my $rows = "SELECT to_jsonb(g) - 'mls_updated_at' AS row FROM %s g WHERE mls.is_replicated(g.mls_source, g.mls_origin)";
	my $compare = join ' UNION ALL ', map {
		my ($was, $is) = (sprintf($rows, 'was_' . s/\W/_/gr), sprintf($rows, $_));
		qq{SELECT '$_: ' || (x.row)::text FROM (SELECT '-' || row::text FROM ($was EXCEPT ALL $is) a
			UNION ALL SELECT '+' || row::text FROM ($is EXCEPT ALL $was) b) x (row)} } @tables;
	return '' if !@tables;
	my $out = $node->safe_psql('postgres', "BEGIN;\n$before" . join('', map { "DELETE FROM $_;\n" } @tables)
		  . "SET LOCAL client_min_messages = error;\n"
		  . join('', map { "SELECT 'rebuilt', mls_rebuild('$_');\n" } @subscribed) . "$compare;\nROLLBACK;");
	return join "\n", grep { !/^rebuilt\|/ } split /\n/, $out;
}

# What purges have taken out and nothing has brought back: [source, key].
sub removed_by_purges
{
	my ($model) = @_;
	my $out = $model->sql(join ' UNION ALL ', map { qq{
		SELECT e'$_\t' || b.key FROM bronze.${_}_$model->{face}{copies} b JOIN mls.run r ON r.id = b.run_id
		 WHERE b.deleted_at IS NOT NULL AND r.process = 'purge'} } $model->names);
	utf8::decode($out);
	return map { [ split /\t/ ] } split /\n/, $out;
}

1;
