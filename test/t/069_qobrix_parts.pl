# A Qobrix tenant of which a part is replicated, or whose media nobody brings: whoever
# subscribes is told, and mls_verify() says what gold misses.

use strict;
use warnings;

use MlsQobrix;
use MlsTest;
use Test::More;

my $node = new_node('qobrix_parts');
my $mls = start_mls(listings => 8, qobrix => 120);
my @tables = qw(properties projects agents property-viewings meetings contacts bayut-locations media);

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

# What a statement that works says beside its result.
sub said
{
	my ($sql) = @_;
	my ($out, $err);
	$node->psql('postgres', "\\set VERBOSITY verbose\n$sql", stdout => \$out, stderr => \$err, on_error_die => 1);
	return $err;
}

create_tenant($node, $mls, 'crm', page_size => 100, tables => join(', ', map { "\"$_\"" } @tables));

# ---- Media that nobody brings, then somebody does ----

like(said(q{SELECT mls_subscribe('crm.media')}),
	qr/WARNING:  HV00J: no records will come for foreign table crm\.media.*HINT:  Name "media" in the option expand of those of crm\.properties, crm\.agents, crm\.contacts, crm\.projects .*ALTER FOREIGN TABLE crm\.properties OPTIONS \(ADD expand 'media'\)/s,
	'who subscribes media that nothing brings is told what to do');
like(sql_error($node, q{SELECT * FROM mls_sync('crm', 'media')}), qr/no list of all media.*option expand/s, 'a sync says so as well');
query(q{ALTER FOREIGN TABLE crm.properties OPTIONS (ADD expand 'media'); ALTER FOREIGN TABLE crm.projects OPTIONS (ADD expand 'media')});
like(said(q{SELECT mls_subscribe('crm.media')}), qr/NOTICE:.*records of foreign table crm\.media come with those of crm\.properties, crm\.projects.*HINT:  Subscribe these/s,
	'tables that would bring them are named');
query(qq{SELECT mls_subscribe('crm.$_')}) for qw(properties projects property_viewings);
is(said(q{SELECT mls_subscribe('crm.media')}) =~ /records will|records of/ ? 1 : 0, 0, 'once they are subscribed there is nothing to say');
is(query(q{SELECT string_agg(resource || ' ' || status, ', ' ORDER BY resource) FROM mls_sync('crm')}),
	'projects finished, properties finished, property-viewings finished', 'they are synced with their owners');
for my $process (qw(sync purge reconcile))
{
	is(query(qq{SELECT status, message FROM mls_$process('crm', 'media')}), 'skipped|its records come with those they belong to (properties.media, projects.media)',
		"a $process of media alone has nothing to do");
}
is(query(q{SELECT state, fed_by, failures, last_error IS NULL, (SELECT count(*) FROM mls_history h WHERE h.resource = 'media' AND status = 'failed')
	FROM mls_status_detail WHERE resource = 'media'}), 'synced|properties.media, projects.media|0|t|1', 'and leaves no failure; the status names all who bring them');

# ---- Resources that rules look at and nobody replicates ----

is(query(q{SELECT count("ShowingAppointmentStatus"), count(*) > 0 FROM gold.showing_appointment g JOIN silver.crm_property_viewings v ON v.id = g.mls_source_key WHERE v.trashed IS NULL}),
	'0|t', 'a viewing whose meeting is not known has no state');

# What a verification finds of a kind, a line each.
sub findings
{
	my ($check) = @_;
	return query(qq{SELECT string_agg(concat_ws(' ', severity, resource, subject, message), E'\n' ORDER BY resource, subject) FROM mls_verify('crm', 0) WHERE "check" = '$check'});
}

my $joins = findings('joins');
like($joins, qr/^warning ShowingAppointment meeting resource "meetings" is not subscribed; what looks there \(as meeting\) .*: ShowingAgentKey, .*ShowingAppointmentStatus, .*X_QobrixLocation/m,
	'a verification names the resource to subscribe, and the fields that wait for it');
like($joins, qr/^warning Property list_agent resource "agents" .*ListAgentKey, .*ListOfficeKey/m, 'for each resource');
unlike($joins, qr/"projects"|"properties"/, 'and none that is subscribed');
query(q{SELECT mls_map_set('ShowingAppointment', 'X_QobrixLocation', 'none', source => 'crm'), mls_subscribe('crm.agents')});
$joins = findings('joins');
unlike($joins, qr/X_QobrixLocation/, 'a field that a rule of my own makes does not wait');
unlike($joins, qr/list_agent/, 'nor one whose resource is subscribed by now');
like($joins, qr/^warning Member contact resource "contacts" .*MemberEmail/m, 'which may look further');
query(q{SELECT mls_subscribe('crm.meetings')});
unlike(findings('joins'), qr/meeting/, 'until all are there');

# ---- Values and rules that are beside the point ----

query(q{SELECT mls_map_set('Property', 'ListingAgreement', 'constant', '{By Handshake}', source => 'crm'),
	mls_map_set('Property', 'View', 'expression', ARRAY[$$ARRAY['Ocean', 'Backwards']$$], source => 'crm');
	SELECT count(*) FROM mls_remap('crm')});
my $lookups = findings('lookups');
like($lookups, qr/^warning Property ListingAgreement \d+ rows have values that the lookup ListingAgreement does not, such as "By Handshake"$/m, 'a value that its lookup does not have is shown');
like($lookups, qr/^warning Property View \d+ rows have values that the lookup View does not, such as "Backwards"$/m, 'in a list as well');
is(findings('rules'), '', 'no rule is forgotten');
query(q{CREATE SERVER old FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'qobrix', url 'https://old.example.com/api/v2');
	SELECT mls_map_set('Property', 'City', 'none', source => 'old'), mls_map_setting('old', 'currency', 'EUR');
	DROP SERVER old});
is(findings('rules'), q{info * old 2 rules are for the server "old", which does not exist; DELETE FROM mls.field_map WHERE source = 'old'; DELETE FROM mls.setting_map WHERE source = 'old'},
	'rules of a server that was dropped are found');

# ---- What has no timestamp, and the end of it all ----

my $whole = said(q{SELECT mls_subscribe('crm.bayut_locations')});
like($whole, qr/has no modification timestamp.*A sync of it reads all of it\. Syncs that name no source, and scheduled ones, then leave it alone for 1 day \(server option whole_interval\)/s,
	'who subscribes what has no timestamp is told how often it is read');
unlike($whole, qr/ModificationTimestamp/, 'in the words of its source');
query(q{SELECT mls_unsubscribe(foreign_table, drop_data => true) FROM mls.subscription WHERE source = 'crm' ORDER BY id DESC;
	SET client_min_messages = warning; DROP SERVER crm CASCADE;
	DELETE FROM mls.field_map WHERE source = 'crm'});
is(query(q{SELECT (SELECT count(*) FROM mls.subscription), (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname IN ('bronze', 'silver')),
	(SELECT count(*) FROM gold.property) + (SELECT count(*) FROM gold.media) + (SELECT count(*) FROM gold.member) + (SELECT count(*) FROM gold.showing_appointment)}),
	'0|0|0', 'a source is removed with all it brought');

$node->stop;
done_testing();
