# MlsFace: the faces of the test server that the model plays with.
#
# A face is what differs between protocols; what a test does with the data and what
# it expects of the copies is the same for all.  Its members:
#
#	resource	that the server's control face knows the records by
#	fields		of the records: key, listing_id, list_price, bedrooms_total, city, modified
#	new			what inserted records have beside that; with which all begin if it is told to "set"
#	begin		changes what the test server has made
#	seconds		timestamps are cut to whole seconds
#	arguments	of the test server
#	path		requests for records have it in their path
#	matching	what a fault needs to meet them
#	options		of the test server, for its whole life; schema is one of them
#	sources		name => { what CREATE SERVER says }; each reads the same data in its own way
#	flagged		names of the sources that obey MlgCanView
#	positional	sources that may read on by positions, and so pass over records when others are
#				removed, or moved: where links hold positions, or ("own") in any case
#	create		makes server, user mapping, schema and the foreign table NAME.property, whose
#				columns are listing_key, listing_id, list_price, bedrooms_total, city and
#				modification_timestamp
#	copies		name of the tables of bronze and silver, behind that of the source
#	cut			options with which every list takes several answers
#	in_one		the source that cannot read a list so
#	pages		[option => its values]: how pages are cut, changed at random; "group.option" is one of a group
#	faults		rules to choose from; {any => n} stands for a number below n
#	record		how bronze's column record, and the truth r, are compared; %s is the value, or
#				[of the truth, of bronze]
#	anew		how often a source is loaded anew, against what else may happen
#	pages_of_load	about how many requests that takes; trouble comes at any of them
#	sent		the server's record r as this protocol can send it; r itself unless said
package MlsFace;

use strict;
use warnings;

use JSON::PP ();
use MlsQobrix;
use MlsSync;

my %faces;

# Records of the dictionary
my %dictionary = (
	resource => 'Property',
	fields => {
		key => 'ListingKey', listing_id => 'ListingId', list_price => 'ListPrice',
		bedrooms_total => 'BedroomsTotal', city => 'City', modified => 'ModificationTimestamp' },
	schema => { add => [
		{ field => 'MlgCanView', type => 'Edm.Boolean' },
		{ field => 'OriginatingSystemName', type => 'Edm.String' } ] },
	new => { MlgCanView => JSON::PP::true(), OriginatingSystemName => 'actris' });

# The face of a name; copied, so that its user may change it.
sub new
{
	my ($class, $name) = @_;
	my $face = $faces{$name} || die "no face $name; there are " . join(', ', sort keys %faces);
	return bless { name => $name, %$face }, $class;
}

# What can go wrong in any protocol
my @faults = (
	{ kind => 'status', status => 500 },
	{ kind => 'status', status => 429, headers => { 'Retry-After' => '0' } },
	{ kind => 'status', status => 429, headers => { 'Retry-After' => '1' }, times => 1 },
	{ kind => 'status', status => 401 },
	{ kind => 'truncate' }, { kind => 'truncate', length => 'wrong' }, { kind => 'truncate', length => 'chunked' },
	{ kind => 'close' }, { kind => 'html200' }, { kind => 'token_expired' });

# ---- RESO Web API ----

sub create_reso
{
	my ($model, $name, $options) = @_;
	my $port = $model->{mls}{port};
	create_property($model->{node}, $model->{mls}, $name,
		token_url => "http://127.0.0.1:$port/oauth/token", %$options);
	$model->sql(qq{
		ALTER USER MAPPING FOR CURRENT_USER SERVER $name
			OPTIONS (DROP token, ADD client_id 'demo', ADD client_secret 's3cret-demo-value')})
	  if $name =~ /key|grid/;
	return;
}

$faces{reso} = {
	%dictionary,
	path => qr{/Property},
	copies => 'property',
	matching => { resource => 'Property' },
	options => { date => 'logical', expires_in => 2 },
	sources => {
		key => { page_size => 40, retries => 1 },
		link => { page_size => 30, ordering => 'none' },
		top => { page_size => 25, ordering => 'none', prefer => 'false' },
		time => { page_size => 50, ordering => 'timestamp', retries => 1 },
		grid => {
			page_size => 35, platform => 'mlsgrid', originating_system => 'actris', push_count => 'true',
			requests_per_second => 0, requests_per_hour => 0, requests_per_day => 0 } },
	flagged => { grid => 1 },
	positional => { key => 'removed', link => 'removed', top => 'own removed', time => 'moved', grid => 'moved' },
	create => \&create_reso,
	cut => { max_page => 35 },
	pages => [
		max_page => [ 7, 20, 35, 1000 ],
		link => [ 'token', 'skip', 'relative' ],
		top => [ 'total', 'page' ] ],
	faults => [
		@faults,
		{ kind => 'garbage_json' },
		{ kind => 'empty_page' }, { kind => 'drop_link' }, { kind => 'drop_link', times => -1 },
		{ kind => 'expired_link' }, { kind => 'repeat_page' }, { kind => 'loop' },
		{ kind => 'wrong_count', by => 3 }, { kind => 'wrong_count', by => -3 }, { kind => 'no_count' },
		{ kind => 'moving', record => { any => 40 }, times => { any => 7 } },
		{ kind => 'moving', record => 0, times => 30 },
		{ kind => 'refuse_or', skip => 0, times => 4 }, { kind => 'refuse_orderby', skip => 0 },
		{ kind => 'refuse_field', skip => 0, field => 'ModificationTimestamp', in => 'orderby' } ],
	record => '%s::jsonb' };

# First loads that processes share, again and again: pages are small enough for that.
$faces{divided} = {
	%{ $faces{reso} },
	sources => {
		key => { page_size => 5, retries => 1, workers => 2 },
		more => { page_size => 4, workers => 3 },
		other => { page_size => 6, workers => 2 } },
	positional => { key => 'removed', more => 'removed', other => 'removed' },
	anew => 6,
	pages_of_load => 40 };

# ---- RETS ----

# What the model compares: column => [field, type]
my @rets_columns = (
	[ listing_key => 'ListingKey', 'text' ], [ listing_id => 'ListingId', 'text' ],
	[ list_price => 'ListPrice', 'numeric' ], [ bedrooms_total => 'BedroomsTotal', 'integer' ],
	[ city => 'City', 'text' ], [ modification_timestamp => 'ModificationTimestamp', 'timestamptz' ]);

# A foreign table of system names, and rules that make gold of it.  The truth has what
# codes of lookups mean.
sub create_rets_property
{
	my ($model, $name, $options) = @_;
	my %all = (protocol => 'rets', url => "http://127.0.0.1:$model->{mls}{port}/rets/login", retries => 0,
		schema_policy => 'ignore', format => 'compact-decoded', %$options);
	my $list = join ', ', map { "$_ '$all{$_}'" } sort keys %all;
	my $columns = join ', ', map { "$_->[0] $_->[2] OPTIONS (field 'L_$_->[1]')" } @rets_columns;
	my $rules = join '; ', map { "SELECT mls_map_set('Property', '$_->[1]', 'field', '{L_$_->[1]}', source => '$name', source_resource => 'Property:ALL')" }
	  @rets_columns;
	$model->sql(qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS ($list);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name
			OPTIONS (username 'agent', password 'basic-pass-value');
		CREATE SCHEMA $name;
		CREATE FOREIGN TABLE $name.property ($columns) SERVER $name OPTIONS (resource 'Property:ALL',
			key 'L_ListingKey', timestamp 'L_ModificationTimestamp');
		INSERT INTO mls.row_map (source, source_resource, resource) VALUES ('$name', 'Property:ALL', 'Property');
		$rules});
	return;
}

# Numbers and instants may be written in several ways.
my $rets_values = join ', ', map { "(%s::jsonb->>'PREFIX$_->[1]')" . ($_->[2] eq 'text' ? '' : "::$_->[2]") } @rets_columns;

$faces{rets} = {
	%dictionary,
	path => qr{/rets/search},
	copies => 'property_all',
	matching => { match => '/rets/search' },
	options => { date => 'logical' },
	sources => {
		probe => { page_size => 40, retries => 1 },
		listed => { page_size => 50, paging => 'keys', key_batch => 20, retries => 1 },
		large => { page_size => 1000, key_batch => 35 } },
	flagged => {},
	positional => { probe => 'own removed', large => 'own removed' },
	create => \&create_rets_property,
	cut => { rets => { max_rows => 35, key_index => 0 } },
	in_one => 'listed',
	pages => [
		'rets.max_rows' => [ 7, 20, 35, 1000 ],
		'rets.offset' => [ 'ok', 'refused', 'ignored', 'unstable' ],
		'rets.over_limit' => [ 'maxrows', '20208', 'both' ],
		'rets.no_rows' => [ 'code', 'status', 'empty' ],
		'rets.count_last' => [ 0, 1 ],
		'rets.exact_maxrows' => [ 0, 1 ],
		'rets.delimiter' => [ '09', '7C' ],
		'rets.cookie_on' => [ '401', '200' ],
		'rets.nonce_uses' => [ undef, 1, 3 ] ],
	faults => [
		@faults,
		{ kind => 'session_loss', form => '20701' }, { kind => 'session_loss', form => '401' },
		{ kind => 'session_loss', form => 'html' }, { kind => 'session_loss', times => 5 },
		{ kind => 'rets_reply', code => 20210 }, { kind => 'rets_reply', code => 20200 },
		{ kind => 'rets_reply', code => 20201 }, { kind => 'rets_status', code => 20209 },
		{ kind => 'rets_status', code => 20513 },
		{ kind => 'stale_nonce' }, { kind => 'empty_body' }, { kind => 'short_row', record => { any => 20 } },
		{ kind => 'drop_link' }, { kind => 'wrong_count', by => 3 }, { kind => 'wrong_count', by => -3 },
		{ kind => 'no_count' }, { kind => 'no_declaration' },
		{ kind => 'moving', record => { any => 40 }, times => { any => 7 } } ],
	sent => q{CASE WHEN r->>'City' = '' THEN r - 'City' ELSE r END},
	record => [ 'ROW(' . ($rets_values =~ s/PREFIX//gr) . ')::text', 'ROW(' . ($rets_values =~ s/PREFIX/L_/gr) . ')::text' ] };

# ---- Qobrix ----

# A foreign table of six fields, and rules of its own in place of the shipped ones.
sub create_qobrix_property
{
	my ($model, $name, $options) = @_;
	my %of = %{ $model->{face}{fields} };
	my %type = (list_price => 'numeric', bedrooms_total => 'integer', modified => 'timestamptz');
	my %column = (key => 'listing_key', modified => 'modification_timestamp');
	my %gold = (key => 'ListingKey', listing_id => 'ListingId', list_price => 'ListPrice',
		bedrooms_total => 'BedroomsTotal', city => 'City', modified => 'ModificationTimestamp');
	my $columns = join ', ', map { ($column{$_} // $_) . ' ' . ($type{$_} // 'text') . " OPTIONS (field '$of{$_}')" } sort keys %of;
	my $rules = join '; ', map { "SELECT mls_map_set('Property', '$gold{$_}', 'field', '{$of{$_}}', source => '$name', source_resource => 'properties')" }
	  sort keys %of;
	create_tenant($model->{node}, $model->{mls}, $name, retries => 0, tables => 'users', %$options);
	$model->sql(qq{
		DELETE FROM mls.field_map WHERE protocol = 'qobrix';
		DELETE FROM mls.row_map WHERE protocol = 'qobrix';
		DELETE FROM mls.join_map WHERE protocol = 'qobrix';
		DELETE FROM mls.clean_map WHERE protocol = 'qobrix';
		CREATE FOREIGN TABLE $name.property ($columns) SERVER $name OPTIONS (resource 'properties',
			key 'id', timestamp 'modified', timestamps 'created');
		ALTER FOREIGN TABLE $name.property ADD created timestamptz OPTIONS (field 'created');
		INSERT INTO mls.row_map (source, source_resource, resource) VALUES ('$name', 'properties', 'Property');
		$rules});
	return;
}

# A record of the future would be stamped earlier when it changes, which breaks the model's promise.
sub begin_qobrix
{
	my ($model) = @_;
	for my $line (split /\n/, $model->{mls}->get('truth?resource=qobrix/properties'))
	{
		my $record = JSON::PP::decode_json($line);
		$model->control('set', resource => 'qobrix/properties', keys => [ $record->{id} ],
			fields => { modified => $record->{created} }) if ($record->{modified} // '') gt '2030';
	}
	return;
}

$faces{qobrix} = {
	begin => \&begin_qobrix,
	resource => 'qobrix/properties',
	fields => {
		key => 'id', listing_id => 'name', list_price => 'list_selling_price_amount',
		bedrooms_total => 'bedrooms', city => 'city', modified => 'modified' },
	new => {},
	seconds => 1,
	arguments => { qobrix => 200 },
	path => qr{/api/v2/properties},
	copies => 'properties',
	matching => { match => '/api/v2/properties' },
	options => { date => 'logical' },
	sources => {
		key => { page_size => 40, retries => 1 },
		link => { page_size => 30, push_or => 'false', retries => 1 },
		number => { page_size => 35, paging => 'offset' } },
	flagged => {},
	positional => { number => 'own removed' },
	create => \&create_qobrix_property,
	cut => { qobrix => { max_limit => 35 } },
	pages => [
		'qobrix.max_limit' => [ 7, 20, 35, 100 ],
		'qobrix.past_end' => [ 'empty', 'error' ],
		'qobrix.unknown_fields' => [ 'ignore', 'error' ],
		'qobrix.fields_expand' => [ 0, 1 ] ],
	faults => [
		@faults,
		{ kind => 'garbage_json' }, { kind => 'empty_page' }, { kind => 'drop_link' },
		{ kind => 'drop_link', times => -1 }, { kind => 'repeat_page' }, { kind => 'loop' },
		{ kind => 'wrong_count', by => 3 }, { kind => 'wrong_count', by => -3 }, { kind => 'no_count' },
		{ kind => 'null_data' }, { kind => 'no_pagination' },
		{ kind => 'moving', record => { any => 40 }, times => { any => 7 } } ],
	record => '%s::jsonb' };

1;
