# What stands in an answer of JSON beside its records, and how it is written: errors inside an
# answer with status 200, members under other names or of another type, escaped names, other
# character sets, and what is no character.
use strict;
use warnings;

use Encode ();

use MlsTest;
use Test::More;

my $mls = start_mls(listings => 120, fields => 'small');
my $node = new_node('answers');
create_source($node, $mls, 'demo', tables => 'property', page_size => 50, retries => 0);
create_source($node, $mls, 'topped', platform => 'spark', tables => 'property', page_size => 50, retries => 0);
my $scan = 'SELECT count(*), count(DISTINCT listing_key) FROM (SELECT listing_key, city FROM demo.property OFFSET 0) p';
my $whole = '120|120';

# ---- errors inside answers, and members of a wrong type

for my $case (
	['an error beside the records', { kind => 'error_beside' }, qr/holds an error: The database is busy/],
	['an error in the second page', { kind => 'error_beside', skip => 1 }, qr/page 2 .*holds an error: The database is busy/s],
	['an error with the message of version 3', { kind => 'error_beside', error => { message => { lang => 'en', value => 'Wait a minute.' } } },
		qr/holds an error: Wait a minute/],
	['an error that is a text', { kind => 'error_beside', error => 'out of memory' }, qr/holds an error: out of memory/],
	['a list of errors', { kind => 'member', name => 'errors', value => ['no more'] }, qr/holds an error: \["no more"\]/],
	['a record that is an error', { kind => 'error_record' }, qr/One of its records is an error: The database is busy/],
	['a link that is a number', { kind => 'member', name => '@odata.nextLink', value => 5 }, qr/"\@odata.nextLink" is no address: 5/],
	['a link that is an object', { kind => 'member', name => '@odata.nextLink', value => { url => 'x' } }, qr/"\@odata.nextLink" is no address/],
	['a count below nothing', { kind => 'member', name => '@odata.count', value => -1 }, qr/"\@odata.count" is no number of records: -1/],
	['a count with a fraction', { kind => 'member', name => '@odata.count', value => 3.5 }, qr/is no number of records: 3.5/],
	['a count that is a word', { kind => 'member', name => '@odata.count', value => 'many' }, qr/is no number of records: "many"/])
{
	my ($name, $fault, $error) = @$case;
	$mls->reset;
	$mls->fault(%$fault, match => '/Property');
	$mls->fault(kind => 'no_count', times => -1) if $name =~ /count/;
	my ($status, $out, $err) = $node->psql('postgres', $scan);
	isnt($status, 0, "$name: is an error");
	like($err, $error, "$name: says what is wrong");
	is($out, '', "$name: no rows");
}

$mls->reset;
$mls->fault(kind => 'error_beside', match => '/Property');
like(sql_error($node, 'SELECT count(*) FROM demo.property'), qr/holds an error: The database is busy/, 'an error beside a count');

# What is no error: members that are not known, or say that there is nothing.
for my $case (
	['a member that is not known', { name => 'took', value => { ms => 5 } }],
	['an error that is null', { name => 'error', value => undef }],
	['no errors', { name => 'errors', value => [] }],
	['a link that is null', { name => 'nextLink', value => undef }],
	['a count as a string', { name => '@odata.count', value => '120' }])
{
	my ($name, $member) = @$case;
	$mls->reset;
	$mls->fault(kind => 'member', %$member, match => '/Property', times => -1);
	$mls->fault(kind => 'no_count', times => -1);
	is($node->safe_psql('postgres', $scan), $whole, "$name: the answer is whole");
}

# ---- links and counts under other names

for my $prefix ('@', 'odata.', '')
{
	$mls->reset;
	$mls->fault(kind => 'member_names', prefix => $prefix, times => -1);
	is($node->safe_psql('postgres', $scan), $whole, "links named \"${prefix}nextLink\" are followed");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM demo.property'), '120', "a count named \"${prefix}count\" is read");
	is(scalar(grep { $_->{path} =~ m{/Property$} } $mls->requests), 5, '... without reading the records');
}

# ---- names written with escapes

$mls->reset;
my $of_city = q{SELECT md5(string_agg(listing_key || coalesce(city, '-'), ' ' ORDER BY listing_key)) FROM demo.property};
my $plain = $node->safe_psql('postgres', $of_city);
for my $fields ([qw(City)], [qw(ListingKey)], [qw(City ListingKey ModificationTimestamp)])
{
	$mls->reset;
	$mls->fault(kind => 'escape_names', field => $_, times => -1) for @$fields;
	is($node->safe_psql('postgres', $of_city), $plain, "fields in escapes: @$fields");
}
$mls->fault(kind => 'escape_names', field => 'value', times => -1);
is($node->safe_psql('postgres', $of_city), $plain, 'the list of records, too');
$node->safe_psql('postgres', q{SELECT mls_subscribe('demo.property')});
is($node->safe_psql('postgres', 'SELECT status, received, inserted FROM mls_sync()'), 'finished|120|120', 'and a sync keeps every record');

# ---- characters

$mls->reset;
my ($first) = split /\n/, $node->safe_psql('postgres', 'SELECT min(listing_key) FROM silver.demo_property');
$mls->control('set', { resource => 'Property', key => $first, fields => { City => "Malm\x{f6} \x{20ac}" } });
my $city = q{SELECT city = U&'Malm\00f6 \20ac' FROM demo.property WHERE listing_key = } . "'$first'";
is($node->safe_psql('postgres', $city), 't', 'UTF-8');
for my $set ('windows-1252', 'UTF-16', 'iso-8859-15')
{
	$mls->reset;
	$mls->fault(kind => 'charset', charset => $set, times => -1, match => '/Property');
	is($node->safe_psql('postgres', $city), 't', "what is declared as $set");
}
$mls->reset;
$mls->fault(kind => 'charset', charset => 'utf-16-le', silent => JSON::PP::true(), times => -1, match => '/Property');
is($node->safe_psql('postgres', $city), 't', 'UTF-16 that nobody declares');
$mls->reset;
$mls->fault(kind => 'charset', charset => 'x-mars', codec => 'windows-1252', match => '/Property');
like(sql_error($node, 'SELECT city FROM demo.property'), qr/character set that is not known: "x-mars"/, 'a set that nobody knows');
$mls->fault(kind => 'charset', charset => 'x-mars', codec => 'utf-8', times => -1, match => '/Property');
is($node->safe_psql('postgres', $city), 't', '... does no harm where it is UTF-8');

# What is no character is replaced by something of its own.
my %seen;
for my $bytes ([0xe9], [0xe8], [0xff], [0xc3], [0], [0x5c, 0x75, 0x30, 0x30, 0x30, 0x30], [map { ord } split //, '\ud800'], [map { ord } split //, '\udfff'])
{
	$mls->reset;
	$mls->fault(kind => 'invalid_utf8', field => 'ListingKey', bytes => $bytes, match => '/Property');
	my ($key) = grep { !/^$first/ && /^\P{ASCII}/ } split /\n/, Encode::decode('UTF-8', $node->safe_psql('postgres', 'SELECT listing_key FROM demo.property'));
	push @{ $seen{ $key // 'none' } }, "@$bytes";
}
is(scalar(keys %seen), 7, 'what differs at the source differs here; NUL is NUL in two spellings') or diag(explain(\%seen));
ok(!exists $seen{none}, 'and no record is lost');

# A sync says how often, and where.
$mls->reset;
$mls->control('touch', { resource => 'Property' });
$mls->fault(kind => 'invalid_utf8', field => 'City', bytes => [0xe9, 0x20, 0xe8], match => '/Property');
like($node->safe_psql('postgres', 'SELECT status, message FROM mls_sync()'), qr/^finished\|2 times something that is no character was replaced; see mls.issue$/, 'a sync counts it');
is($node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT b.key) FROM mls.issue i JOIN bronze.demo_property b ON b.key = i.key
	WHERE i.field = 'City' AND i.reason LIKE 'holds what is no character%' AND b.record->>'City' LIKE U&'\\EFE9 \\EFE8%'}), '1|1', '... names record and field, and bronze keeps the two apart');

$mls->stop;
$node->stop;
done_testing();
