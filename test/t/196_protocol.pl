# A protocol is one folder and one line: one that the tests build has its own options and
# platforms, and serves rows without HTTP.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use MlsTest;
use Test::More;

my $library = "$ENV{MLS_TREE}/test/protocol/mls_fdw_numbers.so";
my $node = new_node('numbers');
ok(-f $library, 'the extension is built with one protocol more');
$node->safe_psql('postgres', qq{
	CREATE EXTENSION IF NOT EXISTS mls_fdw;
	UPDATE pg_proc SET probin = '$library' WHERE probin = '\$libdir/mls_fdw'});

sub query { return $node->safe_psql('postgres', $_[0]) }
sub refused
{
	my (undef, undef, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$_[0]");
	return $err;
}

# Its options and its platforms.
is(query(q{SELECT type, default_value, help FROM mls_options() WHERE object = 'server' AND name = 'size'}),
	'integer|3|Records there are.', 'its option is listed');
query(q{CREATE SERVER numbers FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'numbers', size '2500')});
pass('its servers need no url');
like(refused(q{CREATE SERVER other FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'numbers', size '-1')}),
	qr/invalid value for option "size"/, 'its option is checked');
like(refused(q{CREATE SERVER other FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'numbers', platform 'roman')}),
	qr/invalid value for option "platform": "roman"/, 'so is its platform');
like(refused(q{CREATE SERVER other FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'number', url 'http://127.0.0.1/')}),
	qr/HINT:.*"?numbers/, 'it is one of those that a hint names');
like(refused(q{CREATE SERVER other FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso')}),
	qr/option "url" is required/, 'a server of another protocol needs a url still');

# Its rows.
query(q{CREATE SCHEMA n; IMPORT FOREIGN SCHEMA reso FROM SERVER numbers INTO n});
is(query(q{SELECT count(*), min(number), max(number), sum(square) FROM n.numbers WHERE square >= 0}),
	'2500|1|2500|5211458750', 'its rows come, page by page');
is(query('SELECT count(*) FROM n.numbers'), 2500, 'it counts');
is(query('SELECT square FROM n.numbers WHERE number = 2499'), 2499 * 2499, 'conditions are applied here');
like(query('EXPLAIN SELECT * FROM n.numbers'), qr/Remote Request: 1 to 2500/, 'EXPLAIN shows what it asks');
query(q{ALTER SERVER numbers OPTIONS (SET size '0')});
is(query('SELECT count(*) FROM n.numbers WHERE square >= 0'), 0, 'none are none');
query(q{ALTER SERVER numbers OPTIONS (DROP size)});
is(query('SELECT array_agg(square ORDER BY number) FROM n.numbers'), '{1,4,9}', 'the default of its option holds');

# Nothing of HTTP is tried.
is(query(q{SELECT string_agg(item, ' ' ORDER BY ord) FROM mls_check('numbers') WITH ORDINALITY AS c(item, ok, detail, ord)
	WHERE ok AND item IN ('configuration', 'credentials', 'service', 'metadata', 'encoding', 'quota')}),
	'configuration metadata encoding', 'mls_check tries what there is to try');
done_testing();
