# Whatever changes at a Qobrix source, exactly the rows of gold that look at it are
# made anew, in the transaction that writes silver, and by a purge no others.

use strict;
use warnings;

use JSON::PP;
use MlsQobrix;
use MlsTest;
use Test::More;

my $node = new_node('main', track_commit_timestamp => 'on');
my $shelf = start_shelf();
my $json = JSON::PP->new->canonical;
my $clock = 0;
my %key = (
	property => 'ListingKey', member => 'MemberKey', office => 'OfficeKey', media => 'MediaKey',
	contacts => 'ContactKey', showing_appointment => 'ShowingAppointmentKey');
my %seen;

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

# { "table key" => version of the row } for all of gold.
sub versions
{
	my $all = join ' UNION ALL ', map { qq{SELECT '$_ ' || "$key{$_}", xmin::text FROM gold.$_} } sort keys %key;
	return { map { split /\|/, $_ } split /\n/, query($all) };
}

# A record of the source, new or with fields that are new.
sub put
{
	my ($resource, $record) = @_;
	our %kept;
	my $all = $kept{$resource}{ $record->{id} } //= {};
	%$all = (%$all, %$record, modified => sprintf '2026-01-01T%02d:%02d:00Z', ++$clock / 60, $clock % 60);
	put_on_shelf($shelf, $resource, [ $json->encode($all) ]);
	return;
}

sub expect
{
	my ($resource, $old, $new, $rows, $what) = @_;
	my @found = sort grep { defined } map {
		!exists $new->{$_} ? "-$_" : !exists $old->{$_} ? "+$_" : $old->{$_} ne $new->{$_} ? $_ : undef
	} keys %{ { %$old, %$new } };
	is(join(', ', @found), join(', ', sort @$rows), "$resource: $what");
	return map { $new->{ s/^\+//r } // () } @found;
}

# Fields of a record change; then rows of gold are as named: changed, +new, -gone.
sub changes
{
	my ($resource, $id, $fields, $rows, $what) = @_;
	my $old = versions();
	put($resource, { id => $id, %{ $json->decode($fields) } });
	is(query(q{SELECT string_agg(concat_ws(' ', resource, inserted + updated, message), ', ') FROM mls_sync('crm')
			WHERE inserted + updated > 0 OR status <> 'finished'}), "$resource 1", 'one record is new');
	my %writers = map { $_ => 1 } expect($resource, $old, versions(), $rows, $what);
	my $silver = 'silver.crm_' . $resource =~ tr/-/_/r;
	is(query(sprintf q{SELECT count(DISTINCT pg_xact_commit_timestamp(x)) FROM unnest('{%s}'::xid[]) x}, join ',', keys %writers,
			query("SELECT xmin FROM $silver WHERE id = '$id'")), 1, 'in the transaction of its own row');
	return;
}

create_crm($node, 'crm', protocol => 'reso', url => $shelf->{url}, schema_policy => 'ignore', retries => 0);
query(q{SELECT mls_map_setting('crm', 'personal_data', 'on')});
my %records = (
	'projects' => [ '{"id": "j1", "name": "Dunes"}', '{"id": "j2", "name": "Rocks"}' ],
	'property-types' => [ '{"id": "t1", "code": "castle", "name": "Castle", "base_type": "residential"}', '{"id": "t2", "code": "mill", "name": "Mill"}' ],
	'property-subtypes' => [ '{"id": "s1", "code": "moated", "label": "Moated"}', '{"id": "s2", "code": "windy", "label": "Windy"}' ],
	'contacts' => [
		'{"id": "c0", "is_company": true, "name": "Alpha"}', '{"id": "c1", "is_company": false, "email": "a@example.com"}',
		'{"id": "c2", "is_company": false}', '{"id": "c3", "is_company": true, "name": "Build Ltd"}', '{"id": "c4", "is_company": false}' ],
	'users' => [ '{"id": "u1", "name": "Ann Ek", "active": true}', '{"id": "u2", "name": "Bo Ek", "active": true}' ],
	'agents' => [
		'{"id": "a0", "agent_type": "agency", "name": "Alpha", "primary_contact": "c0"}',
		'{"id": "a1", "agent_type": "individual_agent", "agency": "a0", "primary_contact": "c1"}',
		'{"id": "a2", "agent_type": "individual_agent", "sub_agent_of": "a0", "primary_contact": "c2"}',
		'{"id": "a3", "agent_type": "agency", "name": "Beta"}' ],
	'properties' => [
		'{"id": "p1", "sale_rent": "for_sale_and_rent", "project": "j1", "inherit_project_media": true, "developer_id": "c3", "agent": "a1", "property_type": "castle", "property_subtype": "moated"}',
		'{"id": "p2", "sale_rent": "for_sale", "project": "j2", "inherit_project_media": true, "developer_id": "c0", "agent": "a3", "property_type": "mill", "property_subtype": "windy"}',
		'{"id": "p3", "sale_rent": "for_rent", "project": "j1", "inherit_project_media": false}' ],
	'meetings' => [ '{"id": "m1", "start_date": "2026-01-01T10:00:00"}', '{"id": "m2", "start_date": "2026-01-02T10:00:00"}' ],
	'property-viewings' => [ '{"id": "v1", "viewing_id": "m1", "property_id": "p1"}', '{"id": "v2", "viewing_id": "m2", "property_id": "p1"}' ],
	'media' => [
		'{"id": "x1", "related_model": "Properties", "related_id": "p1"}', '{"id": "x2", "related_model": "Properties", "related_id": "p2"}',
		'{"id": "y1", "related_model": "Projects", "related_id": "j1"}', '{"id": "y2", "related_model": "Projects", "related_id": "j2"}' ]);
for my $resource (sort keys %records) { put($resource, $json->decode($_)) for @{ $records{$resource} }; }
is(query(q{SELECT count(*) FROM mls_sync('crm') WHERE status <> 'finished'}), 0, 'a first sync');
is(join(' ', map { "$_ " . query("SELECT count(*) FROM gold.$_") } sort keys %key),
	'contacts 5 media 6 member 4 office 2 property 4 showing_appointment 2', 'the tenant is in gold');

my @listing = ('property p1', 'property p1_LEASE');
changes('projects', 'j1', '{"name": "High Dunes"}', [ @listing, 'property p3' ], 'the name goes to the listings');
changes('projects', 'j1', '{"construction_stage": "offplans"}', [ @listing, 'property p3' ], 'so does the stage');
changes('projects', 'j1', '{"city": "Paphos"}', [], 'what listings do not show changes none');
changes('property-types', 't1', '{"base_type": "land"}', \@listing, 'the base type of a type of the tenant\'s own');
changes('property-types', 't2', '{"code": "castle2"}', ['property p2'], 'a code that is another leaves its listings');
changes('property-types', 't1', '{"code": "mill"}', [ @listing, 'property p2' ], 'and is found by others');
changes('property-subtypes', 's1', '{"label": "With a moat"}', \@listing, 'the label of a subtype');
changes('contacts', 'c3', '{"name": "Builders Ltd"}', [ @listing, 'contacts c3' ], 'a developer');
changes('contacts', 'c3', '{"is_company": false}', ['contacts c3'], 'whose name is shown as before');
changes('contacts', 'c1', '{"email": "b@example.com"}', [ 'member AGENT_a1', 'contacts c1' ], 'the person of a member');
changes('contacts', 'c0', '{"city": "Paphos"}', [ 'office OFFICE_a0', 'contacts c0' ], 'the one of an office');
changes('contacts', 'c4', '{"city": "Paphos"}', ['contacts c4'], 'one that nothing looks at');
changes('contacts', 'c4', '{"personal_data_cleared": "2026-01-01T00:00:00"}', ['-contacts c4'], 'an erased one goes');
changes('users', 'u1', '{"name": "Ann Berg"}', ['member USER_u1'], 'a user is a member');
changes('agents', 'a0', '{"name": "Alpha Ltd"}', [ @listing, 'office OFFICE_a0' ], 'an agency is an office, and named by its agents\' listings');
changes('agents', 'a0', '{"agent_type": "individual_agent"}', [ '-office OFFICE_a0', '+member AGENT_a0', 'member AGENT_a2' ],
	'an agency that is none any more is a member, and its sub-agents are without');
changes('agents', 'a1', '{"agency": "a3"}', [ @listing, 'member AGENT_a1' ], 'an agent goes to another agency with its listings');
changes('agents', 'a3', '{"agent_type": "individual_agent"}', [ '-office OFFICE_a3', '+member AGENT_a3', 'property p2' ],
	'the agent of a listing is an agency no more');
changes('meetings', 'm1', '{"canceled": true}', ['showing_appointment v1'], 'an appointment');
changes('property-viewings', 'v2', '{"further_feedback": "Fine."}', ['showing_appointment v2'], 'a viewing');
changes('properties', 'p2', '{"name": "Mill"}', ['property p2'], 'a listing');
changes('properties', 'p1', '{"inherit_project_media": false}', [ @listing, '-media y1_p1', '-media y1_p1_LEASE' ], 'a listing that is without its project\'s media now');
changes('properties', 'p1', '{"sale_rent": "for_sale"}', [ 'property p1', '-property p1_LEASE', '-media x1_LEASE' ], 'a listing that is not for rent any more');
changes('properties', 'p3', '{"project": "j2", "inherit_project_media": true}', [ 'property p3', '+media y2_p3' ], 'a listing of another project');
changes('properties', 'p3', '{"sale_rent": "for_sale_and_rent"}', [ 'property p3', '+property p3_LEASE', '+media y2_p3_LEASE' ], 'a listing that is for rent too');
changes('media', 'x1', '{"display_order": 3}', ['media x1'], 'a file of a listing');
changes('media', 'y2', '{"display_order": 3}', [ 'media y2_p2', 'media y2_p3', 'media y2_p3_LEASE' ], 'a file of a project');
changes('media', 'y2', '{"related_id": "j1"}', [ '-media y2_p2', '-media y2_p3', '-media y2_p3_LEASE' ], 'a file of another project, whose listings do not inherit');

# Records that are gone.
sub goes
{
	my ($resource, $id, $rows, $what) = @_;
	my $old = versions();
	put_on_shelf($shelf, $resource, [ qq{"$id"} ], '_remove');
	is(query(sprintf q{SELECT deleted FROM mls_purge('crm', '%s', force => true)}, $resource), 1, 'one record is purged');
	expect($resource, $old, versions(), $rows, $what);
	return;
}
goes('contacts', 'c1', [ '-contacts c1', 'member AGENT_a1' ], 'the person of a member is gone');
goes('projects', 'j2', [ 'property p2', 'property p3', 'property p3_LEASE' ], 'a project is gone');
goes('meetings', 'm1', ['showing_appointment v1'], 'an appointment is gone');
goes('media', 'x1', ['-media x1'], 'a file is gone');
goes('properties', 'p3', [ '-property p3', '-property p3_LEASE' ], 'a listing is gone with both of its rows');

# A setting concerns the resources whose rules use it.
my $old = versions();
query(q{SELECT mls_map_setting('crm', 'currency', 'EUR'), mls_map_setting('crm', 'area_unit', 'sqft')});
query(q{SELECT count(*) FROM mls_remap('crm')});
my $new = versions();
is(join(' ', sort grep { $old->{$_} ne $new->{$_} } keys %$old), 'property p1 property p2',
	'settings: what they are used for, and nothing else');

$node->stop;
done_testing();
