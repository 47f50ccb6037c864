# MlsRets: sources of the test server's RETS face.
package MlsRets;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP ();

our @EXPORT = qw(create_rets rets_option);

# Server, mapping, schema of one name, and its tables imported.
sub create_rets
{
	my ($node, $mls, $name, %options) = @_;
	my $limit = delete $options{tables};
	my %mapping = (username => 'agent', password => 'basic-pass-value',
		map { exists $options{$_} ? ($_ => delete $options{$_}) : () } qw(username password ua_password));
	my %all = (protocol => 'rets', url => "http://127.0.0.1:$mls->{port}/rets/login",
		schema_policy => 'ignore', retries => 1, %options);
	my $list = join ', ', map { "$_ '$all{$_}'" } sort keys %all;
	my $secrets = join ', ', map { "$_ '$mapping{$_}'" } sort keys %mapping;
	my $to = $limit ? "LIMIT TO ($limit)" : '';
	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS ($list);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS ($secrets);
		CREATE SCHEMA $name;
		SET client_min_messages = warning;
		IMPORT FOREIGN SCHEMA rets $to FROM SERVER $name INTO $name});
	return;
}

# Changes what the RETS face does.
sub rets_option
{
	my ($mls, %options) = @_;
	return $mls->control('option', { rets => \%options });
}

1;
