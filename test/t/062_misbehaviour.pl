# Each misbehaviour of a server leads to its documented behaviour, and no scan ever returns a
# short result without an error.

use strict;
use warnings;

use MlsTest;
use Test::More;

my $mls = start_mls(listings => 250, fields => 'small');
my $node = new_node('misbehaviour');
create_source($node, $mls, 'demo', tables => 'property', page_size => 50, retries => 2,
	timeout_ms => 2000, max_page_bytes => 3000000);
my $scan = 'SELECT count(*), count(DISTINCT listing_key) FROM (SELECT listing_key, city FROM demo.property OFFSET 0) p';
my $whole = '250|250';

# [name, fault, expected: an error pattern, or undef where the answer must be whole]
my @cases = (
	['500 once', { kind => 'status', status => 500 }, undef],
	['500 for ever', { kind => 'status', status => 500, times => -1, skip => 2 }, qr/500/],
	['502 with HTML', { kind => 'status', status => 502, content_type => 'text/html', body => '<html>' }, undef],
	['429 with Retry-After', { kind => 'status', status => 429, headers => { 'Retry-After' => '1' } }, undef],
	['400', { kind => 'status', status => 400, skip => 1, body => '{"error":{"code":"x","message":"no such thing"}}',
		content_type => 'application/json' }, qr/no such thing/],
	['404', { kind => 'status', status => 404 }, qr/404/],
	['truncated body, right length', { kind => 'truncate', length => 'right', times => -1, skip => 1 }, qr/ERROR/],
	['truncated body, wrong length', { kind => 'truncate', length => 'wrong', times => -1, skip => 1 }, qr/ERROR/],
	['truncated chunks', { kind => 'truncate', length => 'chunked', times => -1, skip => 1 }, qr/ERROR/],
	['truncated once', { kind => 'truncate', length => 'right', skip => 1 }, undef],
	['stalled', { kind => 'stall', times => -1, skip => 1 }, qr/timed out/],
	['stalled in the body', { kind => 'stall_body', times => -1, skip => 1 }, qr/timed out/],
	['HTML with 200', { kind => 'html200', skip => 1 }, qr/HTML|content type/],
	['wrong content type', { kind => 'wrong_content_type', skip => 1 }, qr/content type/],
	['garbage', { kind => 'garbage_json', skip => 1, times => -1 }, qr/ERROR/],
	['endless body', { kind => 'huge', skip => 1, times => -1 }, qr/max_page_bytes/],
	['gzip bomb', { kind => 'gzip_bomb', skip => 1, times => -1 }, qr/max_page_bytes/],
	['plain body, called gzip', { kind => 'plain_as_gzip', times => -1 }, undef],
	['page repeated', { kind => 'repeat_page', skip => 1 }, qr/ERROR/],
	['link loop', { kind => 'loop', skip => 2 }, qr/link|second time/],
	['empty page in the middle', { kind => 'empty_page', skip => 1 }, undef],
	['link dropped', { kind => 'drop_link', skip => 2 }, qr/announced 250 records and sent 150/],
	['link expired', { kind => 'expired_link', skip => 1 }, qr/410/],
	['link to another host', { kind => 'foreign_link', skip => 1 }, qr/ERROR/],
	['redirect', { kind => 'redirect', to => 'http://127.0.0.1:9/', skip => 1 }, qr/redirect/i],
	['total too high', { kind => 'wrong_count', by => 5 }, undef],
	['total missing', { kind => 'no_count', times => -1 }, undef],
	['connection closed once', { kind => 'close', skip => 1 }, undef],
	['connection always closed', { kind => 'close', skip => 1, times => -1 }, qr/ERROR/],
	['NUL escape', { kind => 'nul_escape', field => 'City' }, undef],
	['invalid UTF-8', { kind => 'invalid_utf8', field => 'City' }, undef],
	['value of the wrong type', { kind => 'bad_value', field => 'City', value => { a => 1 } }, undef],
	['slow body', { kind => 'drip', bytes => 400, delay_ms => 5 }, undef],
	['dripping body', { kind => 'drip', bytes => 5, delay_ms => 50, times => -1, skip => 1 }, qr/timed out.*min_bytes_per_second/s],
	['dripping once', { kind => 'drip', bytes => 5, delay_ms => 50, skip => 1 }, undef],
	['dripping header', { kind => 'drip_header', times => -1, skip => 1 }, qr/timed out.*min_bytes_per_second/s],
	['header of a line of 100 MB', { kind => 'long_header', times => -1, skip => 1 }, qr/answer of source "demo" is too large.*header/s],
	['endless header', { kind => 'many_headers', times => -1, skip => 1 }, qr/answer of source "demo" is too large.*header/s],
	['link of 2 MB', { kind => 'member', name => '@odata.nextLink', value => $mls->url . '/Property?$skiptoken=' . 'a' x 2_000_000, skip => 1 },
		qr/an address of source "demo" is too long/]);

for my $case (@cases)
{
	my ($name, $fault, $error) = @$case;
	$mls->reset;
	$mls->fault(%$fault, match => '/Property');
	my ($status, $out, $err) = $node->psql('postgres', $scan);
	if ($error)
	{
		isnt($status, 0, "$name: is an error");
		like($err, $error, "$name: the error says what is wrong");
		unlike($out, qr/\d/, "$name: no rows");
	}
	else
	{
		is($out, $whole, "$name: the answer is whole") or diag($err);
	}
}

# A condition the provider refuses is dropped, the rest is asked, the answer stays right.
$mls->reset;
$mls->fault(kind => 'refuse_field', field => 'City', in => 'filter');
my $city = $node->safe_psql('postgres', q{SELECT city FROM demo.property WHERE city <> '' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1});
my $sql = "SELECT count(*) FROM demo.property WHERE city = '$city' AND listing_key >= ''";
my $expected = $node->safe_psql('postgres', qq{SELECT count(*) FROM (SELECT city FROM demo.property OFFSET 0) p WHERE city = '$city'});
is($node->safe_psql('postgres', $sql), $expected, 'a refused condition is checked here');
my $plan = plan_of($node, $sql, ANALYZE => '', TIMING => 'off', SUMMARY => 'off');
like($plan, qr/City/, 'EXPLAIN ANALYZE names what was given up');

# Cancelling: a stalled server does not hold a session.  The time is taken inside the session.
for my $kind ('stall', 'stall_body')
{
	$mls->reset;
	$mls->fault(kind => $kind, match => '/Property', times => -1);
	like(sql_error($node, "SET statement_timeout = 300; $scan"),
		qr/57014/, "$kind: statement_timeout ends it with 57014");
	my $late = $node->safe_psql('postgres', qq{
		CREATE TEMP TABLE late (ms float8);
		SET statement_timeout = 300;
		DO \$\$
		DECLARE started timestamptz := clock_timestamp();
		BEGIN
			PERFORM * FROM ($scan) s;
		EXCEPTION WHEN query_canceled THEN
			INSERT INTO late SELECT 1000 * extract(epoch FROM clock_timestamp() - started) - 300;
		END \$\$;
		SELECT ms FROM late});
	cmp_ok($late, '<', 200, "$kind: within 200 ms");
	$mls->control('release');
}

$mls->stop;
$node->stop;
done_testing();
