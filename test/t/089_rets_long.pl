# A source that ignores Limit and sends a whole table as one answer: memory keeps to a page,
# no row is seen before the answer is known to be whole, and the session is free meanwhile.
use strict;
use warnings;

use MlsKeys;
use MlsRets;
use MlsSync;
use MlsTest;
use Test::More;

# Both are longer than what is kept in memory of an answer before it goes to a file.
my ($few, $many) = (30_000, 100_000);
my $growth = 12;    # MB between few and many; the answer alone is many times that

my $node = new_node('rets_long', fsync => 'off', max_wal_size => '4GB', autovacuum => 'off');
my $whose = q{SELECT pid FROM pg_stat_activity WHERE query LIKE '%/* scan */%' AND pid <> pg_backend_pid()};
my %memory;

sub files { return $node->safe_psql('postgres', 'SELECT count(*) FROM pg_ls_tmpdir()') }

sub stored { return $node->safe_psql('postgres', "SELECT count(*) FROM bronze.$_[0]_property_all") }

# A sync that has to fail, and must leave nothing behind that a later one would build on.
sub fails
{
	my ($name, $what, $error) = @_;
	my (undef, undef, $said) = $node->psql('postgres', "SELECT mls_sync('$name')");
	like($said, $error, $what);
	is(stored($name), 0, '... nothing was stored');
	is($node->safe_psql('postgres', "SELECT cursor_timestamp IS NULL FROM mls.subscription WHERE source = '$name'"),
		't', '... and the cursor has not moved');
	is(files(), 0, '... and no file is left');
	return;
}

sub trouble
{
	my ($mls, $name, $packed) = @_;
	my @search = (match => 'rets/search', resource => 'Property');
	$mls->fault(kind => 'truncate', at => 0.7, times => 2, @search);
	fails($name, 'an answer whose transfer breaks after 70,000 rows', qr/could not receive page 1/);
	$mls->fault(kind => 'truncate', at => 0.7, length => 'wrong', times => 2, @search);
	fails($name, 'an answer that ends after 70,000 rows',
		$packed ? qr/gzip form of the answer is damaged or cut short/ : qr/It is cut off/);
	$mls->fault(kind => 'rets_status', code => 20207, text => 'Out of paper', times => 1, @search);
	fails($name, 'an error behind the last row', qr/reply code 20207: Out of paper/);
	$node->safe_psql('postgres', "ALTER SERVER $name OPTIONS (ADD max_answer_bytes '5MB')");
	fails($name, 'a bound on answers', qr/larger than 5242880 bytes when unpacked.*max_answer_bytes/s);
	$node->safe_psql('postgres', "ALTER SERVER $name OPTIONS (DROP max_answer_bytes)");
	$mls->fault(kind => 'truncate', at => 0.7, times => 1, @search);
	return;
}

# Cursors of one session.
sub cursors
{
	my ($mls, $name) = @_;
	my $table = "$name.property_all";
	my $all = "SELECT l_listing_key FROM $table t WHERE t::text > ''";    # all columns
	my $out = $node->safe_psql('postgres', qq{
		BEGIN;
		DECLARE a CURSOR FOR $all;
		DECLARE b CURSOR FOR $all;
		MOVE 1200 IN a; FETCH 2 FROM b; FETCH 1 FROM a;
		SELECT count(*) FROM $table WHERE l_listing_key = 'LK00000007';
		FETCH 1 FROM b; FETCH 1 FROM a;
		SELECT count(*) FROM pg_ls_tmpdir();
		ROLLBACK;
		SELECT count(*) FROM pg_ls_tmpdir()});
	is($out, join("\n", qw(LK00000000 LK00000001 LK00001200 1 LK00000002 LK00001201 2 0)),
		'two cursors and a query in one session; their files end with them');
	my $error = sql_error($node, qq{SET temp_file_limit = '2MB'; $all});
	like($error, qr/temporary file size exceeds temp_file_limit/, 'temp_file_limit holds');
	$mls->fault(kind => 'stall_body', at => 0.6, times => 1, match => 'rets/search');
	my ($status, $said, $errors) = $node->psql('postgres', qq{
		SET statement_timeout = '4s';
		SELECT count(*) FROM $table t WHERE t::text > '';
		RESET statement_timeout;
		SELECT count(*) FROM pg_ls_tmpdir();
		SELECT count(*) FROM $table t WHERE t::text > ''}, on_error_stop => 0);
	like($errors, qr/canceling statement due to statement timeout/, 'a wait in the middle can be cancelled');
	is($said, "0\n$many", '... which leaves no file, and the session goes on');
	return;
}

for my $count ($few, $many)
{
	my $mls = start_mls(listings => $count, samples => 5, fields => 'small');
	for my $packed (0, 1)
	{
		my $name = ($packed ? 'packed' : 'plain') . $count;
		create_rets($node, $mls, $name, page_size => 500, tables => 'office_office, property_all');
		rets_option($mls, limit => 'ignored', max_rows => 10 * $many, gzip => $packed ? \1 : \0);
		$node->safe_psql('postgres', "SELECT mls_subscribe('$name.property_all')");
		my @scan = measure($node,
			"SELECT /* scan */ count(*) FROM $name.property_all t WHERE t::text > ''", $whose);
		is($scan[0], $count, "a scan of $count rows in one answer, $name");
		trouble($mls, $name, $packed) if $count == $many;
		my @sync = measure($node, "SELECT status, inserted FROM mls_sync('$name')");
		is($sync[0], "finished|$count", '... and a sync');
		$memory{$packed}{$count} = [ $scan[2], $sync[2] ];
		note sprintf '%s: scan %.1f MB in %.1f s, sync %.1f MB in %.1f s', $name, @scan[ 2, 1 ], @sync[ 2, 1 ];
		is(files(), 0, 'no file is left');
	}
	cursors($mls, "plain$count") if $count == $many;
	# The second source has the keys of the first, few or many; a third and a fourth would take memory of their own.
	$node->safe_psql('postgres', 'SELECT mls_unsubscribe(foreign_table, drop_data => true) FROM mls.subscription');
	$mls->stop;
}
for my $packed (0, 1)
{
	for my $what (0, 1)
	{
		my ($least, $most) = map { $memory{$packed}{$_}[$what] } $few, $many;
		cmp_ok($least, '>', 0, 'memory was measured');
		cmp_ok($most, '<', $least + $growth, sprintf 'memory keeps to a page (%s, %s): %.0f MB for few, %.0f for many',
			$packed ? 'gzip' : 'plain', $what ? 'sync' : 'scan', $least, $most);
	}
}

done_testing();
