# What real RETS servers refuse and send: a second login in one session, parts of DMQL2,
# metadata types that are not there, quotation marks in the wrong place, bytes behind the end.
use strict;
use warnings;

use JSON::PP ();
use MlsRets;
use MlsTest;
use Test::More;

my $mls = start_mls(listings => 300);
my $node = new_node('rets_strict');
my $yes = JSON::PP::true();
my $no = JSON::PP::false();
create_rets($node, $mls, 'r', page_size => 100, tables => 'property_all');

sub query
{
	return $node->safe_psql('postgres', $_[0]);
}

sub logins
{
	return scalar grep { $_->{path} =~ /login/ && $_->{status} == 200 } $mls->requests;
}

# The queries that were sent.
sub sent
{
	return map { $_->{options}{Query} // () } $mls->requests;
}

# ---- one login ----

$mls->reset;
my $checked = query(q{SELECT count(*) FILTER (WHERE NOT ok), bool_and(filled[1]::int <= filled[2]::int), max(detail) FILTER (WHERE item = 'paging')
	FROM mls_check('r') LEFT JOIN LATERAL regexp_match(detail, '; (\d+) of (\d+) fields') filled ON true});
like($checked, qr/^0\|t\|Not tried: no link leads on; a page has 2, the source counts \d+ records\.$/,
	'mls_check finds nothing wrong, no more fields than there are, and claims no page it has not read');
is(logins(), 1, '... with one login');
$mls->reset;
query(q{SELECT count(*) FROM mls_check('r'); CREATE SCHEMA again; SET client_min_messages = warning;
	IMPORT FOREIGN SCHEMA rets LIMIT TO (office_office) FROM SERVER r INTO again; SELECT count(*) FROM again.office_office});
is(logins(), 1, '... which IMPORT and queries go on with');

# A logout that never came: the source still has the session of the cookie, and refuses a login in it.
$mls->reset;
is(query(q{BEGIN; SELECT count(*) FROM r.property_all; ALTER USER MAPPING FOR CURRENT_USER SERVER r OPTIONS (SET password 'basic-pass-value');
	SELECT count(*) FROM r.property_all; COMMIT}), "300\n300", 'a session begun anew');
$mls->reset;
$mls->fault(kind => 'rets_reply', code => 20022, match => '/rets/login', times => 1);
is(query(q{SELECT count(*) FROM r.property_all}), '300', '20022 is answered by one more login');
my @logins = grep { $_->{path} =~ /login/ } $mls->requests;
cmp_ok($logins[-1]{time} - $logins[0]{time}, '<', 30, '... at once') if defined $logins[0]{time};
$mls->reset;
$mls->fault(kind => 'rets_reply', code => 20022, match => '/rets/login', times => -1);
like(sql_error($node, 'SELECT count(*) FROM r.property_all'), qr/reply code 20022/, 'and not without end');
cmp_ok(logins(), '<=', 4, '... but a few times');
$mls->reset;
rets_option($mls, action => $yes);
$mls->fault(kind => 'status', status => 404, match => '/rets/action', times => -1);
like(sql_error($node, 'SELECT count(*) FROM r.property_all'), qr/20050/, 'what stands at the address of the action is no matter by itself');

# ---- DMQL ----

$mls->reset;
query(q{SELECT mls_subscribe('r.property_all')});
is(query(q{SELECT status || ' ' || inserted FROM mls_sync('r')}), 'finished 300', 'a sync of a strict source');
is(query(q{SELECT status || ' ' || updated FROM mls_sync('r')}), 'finished 0', '... and the next');
unlike(join(' ', sent()), qr/\.\d+Z/, 'no query has fractions of a second');
$mls->control('delete', { resource => 'Property', keys => [ 'LK00000001', 'LK00000002' ] });
is(query(q{SELECT status || ' ' || deleted FROM mls_purge('r')}), 'finished 2', 'purge asks for missing keys by an OR');
like(join("\n", sent()), qr/\(\(L_ListingKey=LK00000001\)\|\(L_ListingKey=LK00000002\)\)/, '... as the query shows');

query(q{CREATE TABLE copy AS SELECT * FROM r.property_all});
my @conditions = (
	q{l_public_remarks LIKE (SELECT regexp_replace(min(l_public_remarks), '^(\S+ .).*', '\1') || '%' FROM copy)}, q{l_city LIKE 'Saint-Paul%'},
	q{l_public_remarks LIKE (SELECT '%' || substr(min(l_public_remarks), 3, 8) || '%' FROM copy)},
	q{l_list_price IN (SELECT l_list_price FROM copy ORDER BY 1 LIMIT 3)}, q{l_list_price IN (1, 2, 3)}, q{l_bedrooms_total IN (2, 4)},
	q{l_list_price > -5}, q{l_unparsed_address IN (SELECT l_unparsed_address FROM copy ORDER BY 1 LIMIT 3)}, q{l_city IN ('St. John''s', 'Oak Hill')}, q{l_standard_status = 'No such status'},
	q{l_standard_status IN ('Active', 'No such status')}, q{l_modification_timestamp > '2020-01-01 00:00:00.123456+00'},
	q{l_modification_timestamp = (SELECT max(l_modification_timestamp) FROM copy)}, q{l_city = 'St. John''s' OR l_list_price > 500000});
for my $form ('', 'or', 'list', 'or list', 'quoted', 'match', 'or list quoted match')
{
	$mls->reset;
	rets_option($mls, refused_forms => $form);
	# Twice in a session: while it learns, and once it has.
	my $of = sub { join ' UNION ALL ', map { "SELECT $_, (SELECT md5(string_agg(l_listing_key, ',' ORDER BY l_listing_key)) FROM $_[0] WHERE $conditions[$_])" } 0 .. $#conditions };
	my $wanted = query($of->('copy'));
	is(query($of->('r.property_all') . ';' . $of->('r.property_all')), "$wanted\n$wanted", "refusing '$form': the answers of a local copy, twice");
}
for my $form ('or', 'or list', 'or list quoted')
{
	$mls->reset;
	rets_option($mls, refused_forms => $form);
	$mls->control('insert', { resource => 'Property', count => 3 });
	is(query(q{SELECT status FROM mls_sync('r')}), 'finished', "refusing '$form': a sync");
	$mls->control('delete', { resource => 'Property', keys => [ map { sprintf 'LK%08d', 10 * length($form) + $_ } 1 .. 3 ] });
	is(query(q{SELECT status || ' ' || deleted FROM mls_purge('r')}), 'finished 3', "refusing '$form': a purge");
	is(query(q{SELECT status FROM mls_reconcile('r')}), 'finished', "refusing '$form': a reconcile");
	is(query('SELECT count(*) FROM silver.r_property_all'), query('SELECT count(*) FROM (SELECT * FROM r.property_all OFFSET 0) s'), '... and no record is missing');
}
$mls->reset;
rets_option($mls, refused_forms => 'or');
like(query(q{SELECT ok || ' ' || detail FROM mls_check('r') WHERE item = 'conditions'}),
	qr/^false .*takes .*lists of values.*refuses an OR of conditions, .*negative numbers.*push_or to false/, 'mls_check says what is taken, and what to set');
query(q{ALTER SERVER r OPTIONS (ADD push_or 'false', ADD push_in 'false')});
$mls->reset;
rets_option($mls, refused_forms => 'or list');
is(query(q{SELECT count(*) FROM r.property_all WHERE l_listing_key IN ('LK00000100', 'LK00000101')}), '2', 'push_or and push_in false: one key at a time');
is(scalar(grep { /\|\(|=[^)]*,/ } sent()), 0, '... in no query with two');
query(q{ALTER SERVER r OPTIONS (SET push_in 'true')});
$mls->reset;
rets_option($mls, refused_forms => 'or');
is(query(q{SELECT count(*) FROM r.property_all WHERE l_listing_key IN ('LK00000100', 'LK00000101')}), '2', 'push_in true: a list');
is(scalar(grep { /L_ListingKey=LK00000100,LK00000101/ } sent()), 1, '... in one query');
query(q{ALTER SERVER r OPTIONS (DROP push_or, DROP push_in)});

# ---- metadata that is not offered ----

for my $absent ('LOOKUP LOOKUP_TYPE', 'LOOKUP_TYPE', 'LOOKUP')
{
	for my $wildcard ($yes, $no)
	{
		$mls->reset;
		rets_option($mls, metadata_absent => $absent, wildcard => $wildcard);
		query(q{DROP SCHEMA again CASCADE; CREATE SCHEMA again});
		my ($status, undef, $said) = $node->psql('postgres', q{IMPORT FOREIGN SCHEMA rets FROM SERVER r INTO again});
		is($status, 0, "without $absent" . ($wildcard ? '' : ', level by level') . ': IMPORT');
		# All values came, with the rest.
		next if $absent eq 'LOOKUP' && $wildcard;
		like($said, qr/NOTICE.*(lookup|LOOKUP)/, '... says so');
		is(query(q{SELECT count(*) FROM (SELECT * FROM again.property_all OFFSET 0) s}), query('SELECT count(*) FROM r.property_all'), '... and its tables can be read');
		is(query(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'again.property_all'::regclass AND attfdwoptions::text LIKE '%lookup=%'}),
			'0', '... whose codes stay');
	}
}

# ---- objects ----

$mls->reset;
for my $status (200, 404)
{
	rets_option($mls, no_object => $status);
	is(query(q{SELECT count(*) FROM mls_objects('r', 'Property', 'LK00000100', 'Photo', object => '999')}), '0', "no object, by status $status");
}
$mls->fault(kind => 'status', status => 404, body => 'gone', content_type => 'text/plain', match => 'getobject', times => 1);
like(sql_error($node, q{SELECT count(*) FROM mls_objects('r', 'Property', 'LK00000100', 'Photo', object => '999')}), qr/answered 404/, '... but a 404 alone is an error');

# ---- envelopes ----

$mls->reset;
$mls->fault(kind => 'rets_reply', code => 20207, raw => 1, text => 'Not "yours" near "(A="B")"', match => '/rets/search', times => -1);
like(sql_error($node, 'SELECT count(*) FROM r.property_all'), qr/reply code 20207: Not "yours" near "\(A="B"\)"/, 'quotation marks do not hide the reply');
$mls->reset;
$mls->fault(kind => 'rets_reply', code => 20701, raw => 1, text => 'No "session"', match => '/rets/search', times => 1);
is(query('SELECT count(*) FROM (SELECT * FROM r.property_all OFFSET 0) s') > 290, 1, '... nor that a session is lost');
$mls->reset;
$mls->fault(kind => 'trailing', match => '/rets/', times => -1);
query(q{UPDATE mls.subscription SET cursor_timestamp = NULL});
my $before = 0 + grep { $_->{path} =~ /search/ } $mls->requests;
like(query(q{SELECT status || ' ' || coalesce(message, '') FROM mls_sync('r', full => true)}), qr/^finished .*\d+ bytes behind the end of answers were left out/,
	'bytes behind the end are left out, and told');
cmp_ok(0 + grep({ $_->{path} =~ /search/ } $mls->requests) - $before, '<=', 5, '... and no page was asked for twice');
$mls->reset;
$mls->fault(kind => 'trailing', text => ('<p>' . 'x' x 5000 . '</p>') x 3, match => '/rets/', times => -1);
is(query('SELECT count(*) FROM (SELECT * FROM r.property_all OFFSET 0) s') > 290, 1, 'however many they are');
cmp_ok(0 + grep({ $_->{path} =~ /search/ } $mls->requests), '<=', 5, '... and no page was asked for twice');
$mls->reset;
$mls->fault(kind => 'trailing', text => '<RETS ReplyCode="0">', match => '/rets/search', times => -1);
$mls->fault(kind => 'no_end_tag', match => '/rets/search', times => -1);
like(sql_error($node, 'SELECT count(*) FROM (SELECT * FROM r.property_all OFFSET 0) s'), qr/cut off|not well-formed/, 'an answer without its own end stays an error');

# ---- a count that is only an estimate ----

$mls->reset;
query(q{ALTER SERVER r OPTIONS (ADD push_count 'false')});
query(q{SELECT * FROM mls_sync('r', full => true)});
my $gone = 100;
for my $case (
	[ 'a count that is wrong', {}, 1 ], [ 'wrong, and in pages', { key_index => $no, max_rows => 40 }, 1 ],
	[ 'and Offset is unstable', { key_index => $no, max_rows => 40, offset => 'unstable' }, 1 ],
	[ 'and Offset is refused', { key_index => $no, max_rows => 40, offset => 'refused' }, 1 ],
	[ 'and Offset is ignored', { key_index => $no, max_rows => 40, offset => 'ignored' }, 1 ])
{
	my ($name, $options) = @$case;
	$mls->reset;
	rets_option($mls, %$options);
	$mls->fault(kind => 'wrong_count', by => 50, match => '/rets/search', times => -1);
	$mls->control('delete', { resource => 'Property', keys => [ sprintf 'LK%08d', ++$gone ] });
	is(query(q{SELECT status || ' ' || deleted FROM mls_purge('r')}), 'finished 1', "purge with $name");
}
is(query('SELECT count(*) FROM silver.r_property_all'), scalar(@{ JSON::PP::decode_json($mls->get('keys?resource=Property')) }), 'nothing was removed that the source has');
unlike(sql_error($node, q{SELECT * FROM mls_reconcile('r')}), qr/push_count/, 'a hint is not one already followed');

done_testing();
