# The source gives its keys another type: every process says so and how to go on, nothing is
# lost meanwhile, and what the hint says leads to a whole copy without a record twice.
use strict;
use warnings;

use MlsQobrix;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('types');
my $records = 45;

# Records of a shelf; each key is what the function makes of its number, as JSON.
sub put
{
	my ($shelf, $key, @numbers) = @_;
	put_on_shelf($shelf, 'Property', [ map {
		sprintf '{"id": %s, "ListPrice": %d, "ModificationTimestamp": "2024-01-01T00:%02d:%02dZ"}', $key->($_), 1000 + $_, $_ / 60, $_ % 60
	} @numbers ]);
	return;
}

sub set_type
{
	my ($shelf, $type) = @_;
	put_on_shelf($shelf, 'Property', [ qq({"id": "$type", "ListPrice": "Edm.Decimal", "ModificationTimestamp": "Edm.DateTimeOffset"}) ], '_types');
	return;
}

# A replicated source whose keys are of a type.
sub begin
{
	my ($name, $type, $key, %options) = @_;
	my $shelf = start_shelf();
	set_type($shelf, $type);
	put($shelf, $key, 1 .. $records);
	my $list = join '', map { ", $_ '$options{$_}'" } sort keys %options;
	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$shelf->{url}', page_size '20',
			retries '0', schema_check_interval '0', key_prefix '$name-'$list);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (token 'x');
		CREATE SCHEMA $name;
		IMPORT FOREIGN SCHEMA reso FROM SERVER $name INTO $name});
	$node->safe_psql('postgres', "SELECT mls_subscribe('$name.property')");
	is(sync_row($node, $name, 'status, inserted'), "finished|$records", "$name: the load");
	return $shelf;
}

sub rows_of
{
	my ($name) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT (SELECT count(*) FROM bronze.${name}_property WHERE deleted_at IS NULL), (SELECT count(*) FROM silver.${name}_property),
		       (SELECT count(*) FROM gold.property WHERE mls_source = '$name')});
}

# Runs the statements that a hint names.
sub follow_hint
{
	my ($error) = @_;
	my ($hint) = $error =~ /HINT: .*?(ALTER FOREIGN TABLE.*?full => true\);)/s;
	ok($hint, 'the hint has the way on') or return;
	my ($status, undef, $err) = $node->psql('postgres', $hint, on_error_stop => 1);
	is($status, 0, 'which can be gone') or diag($err);
	return;
}

# The copy is the source's, by key and value, and each process agrees.
sub is_whole
{
	my ($name, $wanted) = @_;
	is(rows_of($name), join('|', ($wanted) x 3), "$name: all records are here, each once");
	is($node->safe_psql('postgres', qq{
		SELECT count(*) FROM (SELECT id::text, "ListPrice"::numeric FROM (SELECT id, list_price AS "ListPrice" FROM $name.property) r
			EXCEPT SELECT id::text, list_price::numeric FROM silver.${name}_property) d}), 0, "$name: they are the source's");
	is(sync_row($node, $name, 'status'), 'finished', "$name: syncs go on");
	is($node->safe_psql('postgres', "SELECT status, missing FROM mls_purge('$name')"), 'finished|0', "$name: nothing is gone");
	is($node->safe_psql('postgres', "SELECT status, different FROM mls_reconcile('$name')"), 'finished|0', "$name: nothing differs");
	is($node->safe_psql('postgres', "SELECT string_agg(message, '; ') FROM mls_verify('$name') WHERE severity = 'error'"), '', "$name: verified");
	return;
}

# The same keys in another type, and then a new one.
for my $case (
	[ 'texts', 'Edm.Int64' => 'Edm.String', 'bigint', sub { $_[0] }, sub { qq("$_[0]") }, '"N-1"', q{id = 7} ],
	[ 'numbers', 'Edm.String' => 'Edm.Int64', 'text', sub { qq("$_[0]") }, sub { $_[0] }, '9007199254740993', q{id = '7'} ],
	[ 'guids', 'Edm.String' => 'Edm.Guid', 'text', (sub { sprintf '"00000000-0000-4000-8000-%012d"', $_[0] }) x 2,
		'"00000000-0000-4000-8000-00000000abcd"', q{id = '00000000-0000-4000-8000-000000000007'} ])
{
	my ($name, $from, $to, $column, $before, $after, $new, $condition) = @$case;
	my $shelf = begin($name, $from, $before);
	set_type($shelf, $to);
	put_on_shelf($shelf, 'Property', [ map { $before->($_) } 1 .. $records ], '_remove');
	put($shelf, $after, 1 .. $records);

	my $error = sql_error($node, "SELECT * FROM mls_sync('$name')");
	like($error, qr/the key of resource "Property" of source "$name" has changed its type.*Field "id" was of type \Q$from\E and is of type \Q$to\E now; column id of foreign table $name\.property is of type $column\. Nothing was read or removed\./s,
		"$name: a sync says what has happened");
	like(sql_error($node, "SELECT * FROM mls_$_('$name')"), qr/has changed its type/, "$name: so does $_") for qw(sync purge reconcile);
	is(rows_of($name), join('|', ($records) x 3), "$name: nothing is lost");
	like($node->safe_psql('postgres', "SELECT last_error FROM mls_status_detail WHERE source = '$name'"), qr/changed its type/, "$name: mls_status_detail has it");
	is($node->safe_psql('postgres', "SELECT count(*) FROM (SELECT FROM $name.property WHERE $condition OFFSET 0) p"), 1, "$name: a live query finds its row");
	follow_hint($error);
	is_whole($name, $records);
	put($shelf, sub { $new }, 99);
	is(sync_row($node, $name, 'status, inserted'), 'finished|1', "$name: a key that only the new type can hold");
	is_whole($name, $records + 1);
	is($node->safe_psql('postgres', "SELECT count(*) FROM $name.property WHERE $condition" =~ s/= 7$/= '7'/r), 1, "$name: it is asked for by the new type");
}

# Other keys altogether: the new ones come with the way on, the old ones go with a purge.
my $shelf = begin('renamed', 'Edm.Int64', sub { $_[0] });
set_type($shelf, 'Edm.String');
put_on_shelf($shelf, 'Property', [ 1 .. $records ], '_remove');
put($shelf, sub { qq("K-$_[0]") }, 1 .. $records);
my $error = sql_error($node, q{SELECT * FROM renamed.property});
like($error, qr/value of field "id".*It is the key of record K-\d+, and column id is of type bigint\..*ALTER FOREIGN TABLE renamed\.property ALTER COLUMN id TYPE text;/s,
	'a live query gives no rows of null keys');
$error = sql_error($node, q{SELECT * FROM mls_purge('renamed', force => true)});
unlike($error, qr/changed its type/, 'a purge before any sync knows nothing of the type');
is(rows_of('renamed'), join('|', ($records) x 3), '... but removes nothing that it cannot ask for');
follow_hint(sql_error($node, q{SELECT * FROM mls_sync('renamed')}));
is(rows_of('renamed'), join('|', (2 * $records) x 3), 'the new keys are here beside the old ones');
is($node->safe_psql('postgres', q{SELECT status, deleted FROM mls_purge('renamed', force => true)}), "finished|$records", 'which a purge removes');
is_whole('renamed', $records);

# Where nobody looks at the metadata, the records themselves show it.
$shelf = begin('unseen', 'Edm.Int64', sub { $_[0] }, schema_policy => 'ignore');
set_type($shelf, 'Edm.String');
put_on_shelf($shelf, 'Property', [ 1 .. $records ], '_remove');
put($shelf, sub { qq("K-$_[0]") }, 1 .. $records);
$error = sql_error($node, q{SELECT * FROM mls_sync('unseen', full => true)});
like($error, qr/cannot be stored.*its key "K-\d+" does not fit column id, which is of type bigint.*The page was not stored\. If the keys of the source are of another type now: Change the column in both tables/s,
	'a sync that checks no metadata says it by the records');
is(rows_of('unseen'), join('|', ($records) x 3), 'and loses nothing');
follow_hint($error);
is($node->safe_psql('postgres', q{SELECT status, deleted FROM mls_purge('unseen', force => true)}), "finished|$records", 'the old keys go');
is_whole('unseen', $records);

# A few odd keys among many are records that are left out, each with its reason.
$shelf = begin('odd', 'Edm.Int64', sub { $_[0] }, schema_policy => 'ignore');
put($shelf, sub { qq("X-$_[0]") }, 99);
is(sync_row($node, 'odd', 'status'), 'finished', 'one odd key does not stop a sync');
like($node->safe_psql('postgres', q{SELECT string_agg(reason, ' ') FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = 'odd'}),
	qr/the record was not stored: its key "X-99" does not fit column id, which is of type bigint/, 'and is an issue');

$node->stop;
done_testing();
