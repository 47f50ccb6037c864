# MlsSync: what the tests of replication share.  A source with a subscribed
# Property table (the ten fields of --fields small), and the comparison of its
# copy with the server's truth.
package MlsSync;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Utils;

our @EXPORT = qw(create_property subscribe_property differences sync_row subscription last_run
  start_psql end_psql worker_pid);

# A server "name" for a test server, a mapping for the current user, and the table name.property.
# Its metadata is not read unless the options say so: tests count requests.
sub create_property
{
	my ($node, $mls, $name, %options) = @_;
	my $table = delete $options{table} || '';
	my %all = (protocol => 'reso', url => $mls->url, retries => 0,
		schema_policy => 'ignore', %options);
	my $list = join ', ', map { "$_ '$all{$_}'" } sort keys %all;
	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS ($list);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (token 'static-token-value');
		CREATE SCHEMA $name;
		CREATE FOREIGN TABLE $name.property (
			listing_key text OPTIONS (field 'ListingKey'),
			listing_id text OPTIONS (field 'ListingId'),
			list_price numeric OPTIONS (field 'ListPrice'),
			bedrooms_total integer OPTIONS (field 'BedroomsTotal'),
			city text OPTIONS (field 'City'),
			modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER $name OPTIONS (resource 'Property', key 'ListingKey',
			timestamp 'ModificationTimestamp' $table);
	});
	return;
}

sub subscribe_property
{
	my ($node, $mls, $name, %options) = @_;
	create_property($node, $mls, $name, %options);
	$node->safe_psql('postgres', "SELECT mls_subscribe('$name.property')");
	return;
}

# How many records of bronze and silver differ from what the server has; 0 means a true copy.
sub differences
{
	my ($node, $mls, $name) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/truth_$name.json";
	open my $out, '>', $file or die "$file: $!";
	print $out $mls->get('truth?resource=Property');
	close $out;
	return $node->safe_psql('postgres', qq{
		CREATE TEMP TABLE truth (record text);
		\\copy truth FROM '$file' (FORMAT csv, DELIMITER e'\\x01', QUOTE e'\\x02')
		WITH there AS (SELECT record::jsonb AS r FROM truth),
		raw AS (
			(SELECT r->>'ListingKey', r FROM there
			 EXCEPT SELECT key, record::jsonb FROM bronze.${name}_property WHERE deleted_at IS NULL)
			UNION ALL
			(SELECT key, record::jsonb FROM bronze.${name}_property WHERE deleted_at IS NULL
			 EXCEPT SELECT r->>'ListingKey', r FROM there)),
		typed AS (
			(SELECT r->>'ListingKey', (r->>'ListPrice')::numeric, r->>'City' FROM there
			 EXCEPT SELECT listing_key, list_price, city FROM silver.${name}_property)
			UNION ALL
			(SELECT listing_key, list_price, city FROM silver.${name}_property
			 EXCEPT SELECT r->>'ListingKey', (r->>'ListPrice')::numeric, r->>'City' FROM there))
		SELECT (SELECT count(*) FROM raw) + (SELECT count(*) FROM typed);
	});
}

# Columns of the one row mls_sync returns for a source.
sub sync_row
{
	my ($node, $name, $columns) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM mls_sync('$name')");
}

sub subscription
{
	my ($node, $name, $columns) = @_;
	return $node->safe_psql('postgres',
		"SELECT $columns FROM mls.subscription WHERE source = '$name'");
}

sub last_run
{
	my ($node, $name, $columns) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT $columns FROM mls_history WHERE source = '$name' ORDER BY run DESC LIMIT 1});
}

# Starts psql with a statement in the background; the end gives its output and its errors.
sub start_psql
{
	my ($node, $sql, %options) = @_;
	my $self = { out => '', err => '' };
	my $user = $options{user} || 'postgres';
	$self->{handle} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($options{database} || 'postgres') . " user=$user",
			'-c', $sql ],
		'<', \undef, '>', \$self->{out}, '2>', \$self->{err}, IPC::Run::timeout($options{timeout} || 120));
	return $self;
}

sub end_psql
{
	my ($self) = @_;
	$self->{handle}->finish;
	return "$self->{out}$self->{err}";
}

# The process of a running sync, once it has committed so many pages.
sub worker_pid
{
	my ($node, $pages) = @_;
	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM mls.run WHERE status = 'running' AND pages = $pages")
	  or die "no run reached page $pages";
	return $node->safe_psql('postgres', q{
		SELECT pid FROM mls.run WHERE status = 'running' ORDER BY id DESC LIMIT 1});
}

1;
