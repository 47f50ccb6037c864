# MlsQobrix: a source with the resources of Qobrix whose records the test makes
# itself.  They are put into bronze, and go from there through silver to gold; or
# on a shelf (test/server/shelf.py), from where they are synced.
package MlsQobrix;

use strict;
use warnings;

use Exporter 'import';
use HTTP::Tiny;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Symbol qw(gensym);

our @EXPORT = qw(create_crm create_tenant feed rebuild start_shelf put_on_shelf);

my @resources = qw(property-types property-subtypes projects contacts users agents meetings properties
  property-viewings media);

my %type = (
	ref => 'bigint', int => 'bigint', number => 'numeric', bool => 'boolean', stamp => 'timestamptz',
	date => 'date', codes => 'text[]', words => 'text[]', object => 'jsonb');

# What lists embed beside a resource's own fields.
my %embedded = (agents => ['primary_contact_contact'], media => [ 'category', 'file' ]);

# { resource => { field => type } }, as the test server describes them.
sub fields_of_qobrix
{
	my ($resource, %found);
	for my $line (split /\n/, slurp_file("$ENV{MLS_TREE}/test/server/qobrix_schema.txt"))
	{
		$resource = $1 if $line =~ /^\[(.+)\]$/;
		$found{$resource}{$1} = $type{$2} || 'text' if $line =~ /^([a-z]\w*)[?~]* (\w+)/;
	}
	for my $name (keys %embedded) { $found{$name}{$_} = 'jsonb' for @{ $embedded{$name} }; }
	return \%found;
}

# The shipped rules, as rules of one server whose protocol is another.  Of a Qobrix
# source nothing reaches gold that no rule names.
sub rules_for
{
	my ($name) = @_;
	my %columns = (
		row_map => 'source_resource, resource, variant, condition, key',
		join_map => 'source_resource, alias, source_field, joined_resource, joined_field',
		field_map => 'source_resource, resource, variant, field, kind, arguments, priority',
		value_map => 'lookup, value, result',
		setting_map => 'name, value',
		clean_map => 'source_resource, field, steps');
	return join "\n", "INSERT INTO mls.field_map (source, resource, field, kind) VALUES ('$name', '*', '*', 'none');", map {
		"INSERT INTO mls.$_ (source, $columns{$_}) SELECT '$name', $columns{$_} FROM mls.$_ WHERE protocol = 'qobrix';"
	} sort keys %columns;
}

# A server "name" with a table for each resource, all subscribed; options are those of the server.
sub create_crm
{
	my ($node, $name, %options) = @_;
	my $fields = fields_of_qobrix();
	my %all = (protocol => 'qobrix', url => 'https://crm.example.com/api/v2', %options);
	my $list = join ', ', map { "$_ '$all{$_}'" } sort keys %all;
	my $sql = "CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS ($list); CREATE SCHEMA $name;
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (token 'static-token-value');"
	  . ($all{protocol} eq 'qobrix' ? '' : rules_for($name));
	for my $resource (@resources)
	{
		my $of = $fields->{$resource};
		my $columns = join ', ', map { "$_ $of->{$_} OPTIONS (field '$_')" . ($_ eq 'id' ? ' NOT NULL' : '') } sort keys %$of;
		$sql .= sprintf 'CREATE FOREIGN TABLE %s.%s (%s) SERVER %s OPTIONS (resource \'%s\', key \'id\', timestamp \'modified\');',
		  $name, $resource =~ tr/-/_/r, $columns, $name, $resource;
	}
	$sql .= "SELECT mls_subscribe('$name." . tr/-/_/r . "');" for @resources;
	$node->safe_psql('postgres', "SET client_min_messages = warning; $sql");
	return;
}

# Server, mapping and schema of one name for the Qobrix face of a test server, its tables imported.
sub create_tenant
{
	my ($node, $mls, $name, %options) = @_;
	my $limit = delete $options{tables};
	my $expand = delete $options{expand} ? "OPTIONS (expand 'media')" : '';
	my $login = delete $options{login}
	  || q{api_user '11111111-1111-4111-8111-111111111111', api_key 'header-key-value'};
	my %all = (protocol => 'qobrix', url => "http://127.0.0.1:$mls->{port}/api/v2", retries => 1,
		schema_policy => 'ignore', %options);
	my $list = join ', ', map { "$_ '$all{$_}'" } sort keys %all;
	my $to = $limit ? "LIMIT TO ($limit)" : '';
	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS ($list);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS ($login);
		CREATE SCHEMA $name;
		SET client_min_messages = warning;
		IMPORT FOREIGN SCHEMA qobrix $to FROM SERVER $name INTO $name $expand});
	return;
}

# Records of a resource, as a query of json, into bronze.
sub feed
{
	my ($node, $name, $resource, $query) = @_;
	my $bronze = 'bronze.' . $name . '_' . $resource =~ tr/-/_/r;
	$node->safe_psql('postgres', qq{
		INSERT INTO $bronze (key, modified_at, modified, record, fetched_at, run_id)
		SELECT record->>'id', coalesce(record->>'modified', '2024-01-01')::timestamptz, record->>'modified', record, now(), 0
		  FROM ($query) q (record)
		ON CONFLICT (key) DO UPDATE SET record = excluded.record});
	return;
}

# Silver and gold of resources (all of them) from bronze.
sub rebuild
{
	my ($node, $name, @which) = @_;
	$node->safe_psql('postgres', "SELECT mls_rebuild('$name." . tr/-/_/r . "')") for @which ? @which : @resources;
	return;
}

# A shelf; it goes with the object returned, whose url is for the server.
sub start_shelf
{
	my ($out, $in) = ('', gensym);
	my $handle = IPC::Run::start([ 'python3', '-B', "$ENV{MLS_TREE}/test/server/shelf.py" ], '<pipe', $in, '>', \$out,
		IPC::Run::timeout(600));
	IPC::Run::pump($handle) until $out =~ /listening on (\d+)/ || !$handle->pumpable;
	die 'the shelf did not start' unless $out =~ /listening on (\d+)/;
	return { handle => $handle, in => $in, root => "http://127.0.0.1:$1", url => "http://127.0.0.1:$1/odata" };
}

# Records (JSON texts) onto the shelf, or with '_remove' ids from it.
sub put_on_shelf
{
	my ($shelf, $resource, $items, $action) = @_;
	my $answer = HTTP::Tiny->new->post("$shelf->{root}/" . ($action || '_put') . "/$resource", { content => '[' . join(',', @$items) . ']' });
	die "shelf: $answer->{status}" unless $answer->{success};
	return;
}

1;
