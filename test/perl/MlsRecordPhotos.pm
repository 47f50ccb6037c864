# MlsRecordPhotos: as MlsPhotos, of sources that hand out the files of their records themselves:
# r, RETS, by GetObject, and q, Qobrix, from its own host by its login.
#
# Pictures say in a comment whose they are and which edition, so that after each settled round
# each file is known for the one that its record has now.
package MlsRecordPhotos;

use strict;
use warnings;

use JSON::PP ();
use MlsQobrix;
use MlsRets;
use MlsTest;
use PostgreSQL::Test::Utils;

use parent 'MlsPhotos';

my $yes = JSON::PP::true();
my $no = JSON::PP::false();

my %face = (
	resource => 'Media',
	path => qr{/getobject$|^/media/}i,
	matching => { match => '[gG]et[oO]bject|^/media/' },
	faults => [
		(map { { kind => 'status', status => $_ } } 404, 410, 500, 503),
		{ kind => 'truncate' }, { kind => 'html200' }, { kind => 'close' }, { kind => 'reset' },
		{ kind => 'session_loss', match => '[gG]et[oO]bject' },
		{ kind => 'rets_reply', match => '[gG]et[oO]bject', code => 20401, text => 'no' },
		{ kind => 'rets_reply', match => '[gG]et[oO]bject', code => 20403, text => 'none' } ]);

sub new
{
	my ($class, $node, $seed, $directory) = @_;
	my $self = bless { node => $node, seed => $seed, state => $seed * 7919 + 17, round => 0, settled => 0, crashes => 0, log => 0,
		face => \%face, names => [qw(r q)], stores => ['store'], story => [], directory => $directory, grace => '0', order => {},
		purges => [], removed => [] }, $class;
	$self->{mls} = start_mls(listings => 12, qobrix => 40, seed => $seed);
	for my $medium ($self->media)
	{
		my $order = ++$self->{order}{ $medium->{ResourceRecordKey} };
		$self->{mls}->control('set', { resource => 'Media', keys => [ $medium->{MediaKey} ], fields => { MediaURL => undef, MediaCategory => 'Photo',
					ResourceName => 'Property', Order => $order, $self->edition } });
	}
	rets_option($self->{mls}, object_order => $yes);
	$self->create_stores;
	create_rets($node, $self->{mls}, 'r', tables => 'media_media', key_prefix => 'r:', retries => 0);
	create_tenant($node, $self->{mls}, 'q', key_prefix => 'q:', expand => 1, retries => 0, tables => 'properties, projects, media');
	$self->sql(q{SET client_min_messages = warning;
		SELECT mls_map_set('Media', 'X_Sha256', 'expression', '{"(mls.media_file(''r'', r.m_media_key)).sha256"}', source => 'r');
		SELECT mls_map_set('Media', 'X_Sha256', 'expression', '{"(mls.media_file(''q'', r.id)).sha256"}', source => 'q', source_resource => 'media');
		SELECT mls_subscribe('r.media_media'); SELECT mls_subscribe('q.' || t) FROM unnest('{projects,properties,media}'::text[]) t;
		SELECT mls_sync('q')});
	# Files that are said to be on a host that is nowhere never come.
	my @nowhere = split /\n/, $self->sql(q{SELECT id FROM silver.q_media WHERE file ->> 'href' NOT LIKE '/%'});
	$self->change_qobrix('delete', undef, @nowhere);
	$self->sql(q{SELECT count(*) FROM mls_sync('q')});
	$self->set_store;
	return $self;
}

sub set_store
{
	my ($self) = @_;
	$self->sql(join ';', map { sprintf "SELECT mls_media_store('$_', 'store', grace => '$self->{grace}', after_sync => %s)", $_ eq 'q' ? 'true' : 'false' } $self->names);
	return;
}

# ---- Changes ----

sub edition
{
	my ($self) = @_;
	my %bytes = $self->other_bytes;
	return (%bytes, ShortDescription => sprintf('v%d.', $self->{stamps}));
}

sub in_qobrix
{
	my ($self) = @_;
	return sort { $a->{id} cmp $b->{id} } grep { $_->{related_model} =~ /^(?:Properties|Projects)$/ } $self->records('qobrix/media');
}

# Their owners move with them.
sub change_qobrix
{
	my ($self, $how, $fields, @keys) = @_;
	my %owner = map { $_->{id} => $_ } $self->in_qobrix;
	$self->{mls}->control($how, { resource => 'qobrix/media', keys => \@keys, ($fields ? (fields => $fields) : ()) });
	%owner = (%owner, map { $_->{id} => $_ } $self->in_qobrix);
	for my $path (qw(properties projects))
	{
		my %live = map { $_ => 1 } @{ JSON::PP::decode_json($self->{mls}->get("keys?resource=qobrix/$path")) };
		my %of = map { $_->{related_id} => 1 } grep { $_ && lc $_->{related_model} eq $path && $live{ $_->{related_id} } } @owner{@keys};
		$self->{mls}->control('touch', { resource => "qobrix/$path", keys => [ sort keys %of ] }) if %of;
	}
	return;
}

sub some_in_qobrix
{
	my ($self, $n) = @_;
	my @all = map { $_->{id} } $self->in_qobrix;
	my @some;
	push @some, splice @all, $self->number(scalar @all), 1 while @some < $n && @all;
	return @some;
}

sub add_photos
{
	my ($self) = @_;
	my $listing = $self->one_of($self->listings);
	my $count = 1 + $self->number(3);
	for my $n (1 .. $count)
	{
		$self->{mls}->control('insert', { resource => 'Media', count => 1, fields => { ResourceName => 'Property', ResourceRecordKey => $listing,
					MediaCategory => 'Photo', MediaURL => undef, Order => ++$self->{order}{$listing}, $self->edition } });
	}
	$self->tell("add $count to $listing");
	return;
}

sub replace_photos
{
	my ($self) = @_;
	for my $medium ($self->some_media(1 + $self->number(6)))
	{
		$self->{mls}->control('update', { resource => 'Media', keys => [ $medium->{MediaKey} ], fields => { $self->edition } });
		$self->tell("replace $medium->{MediaKey}");
	}
	my @keys = $self->some_in_qobrix(1 + $self->number(5));
	$self->change_qobrix('update', { display_order => $self->number(99) }, @keys);
	$self->tell("replace @keys");
	return;
}

# A photo gets the number behind all others; the numbers of these stay.
sub renumber_photos
{
	my ($self) = @_;
	my ($medium) = $self->some_media(1);
	my $order = ++$self->{order}{ $medium->{ResourceRecordKey} };
	$self->{mls}->control('update', { resource => 'Media', keys => [ $medium->{MediaKey} ], fields => { Order => $order, $self->edition } });
	$self->tell("renumber $medium->{MediaKey} from $medium->{Order} to $order");
	return;
}

sub remove_photos
{
	my ($self) = @_;
	my @media = map { $_->{MediaKey} } $self->some_media(1 + $self->number(3));
	if ($self->media > 10)
	{
		$self->{mls}->control('delete', { resource => 'Media', keys => \@media });
		push @{ $self->{removed} }, [ Media => @media ];
		$self->tell("remove @media");
	}
	my @keys = $self->some_in_qobrix(1 + $self->number(5));
	return if $self->in_qobrix < 20;
	$self->change_qobrix('delete', undef, @keys);
	push @{ $self->{removed} }, [ 'qobrix/media' => @keys ];
	$self->tell("remove @keys");
	return;
}

# A property, with its photos, which are inside it.
sub remove_listing
{
	my ($self) = @_;
	my @all = @{ JSON::PP::decode_json($self->{mls}->get('keys?resource=qobrix/properties')) };
	return if @all < 20;
	my $key = $self->one_of(sort @all);
	$self->{mls}->control('delete', { resource => 'qobrix/properties', keys => [$key] });
	push @{ $self->{removed} }, [ 'qobrix/properties' => $key ];
	$self->tell("remove property $key");
	return;
}

sub bring_back
{
	my ($self) = @_;
	my $removed = pop @{ $self->{removed} } or return;
	my ($resource, @keys) = @$removed;
	if ($resource eq 'qobrix/media')
	{
		$self->change_qobrix('restore', undef, @keys);
	}
	else
	{
		$self->{mls}->control('restore', { resource => $resource, keys => \@keys });
		$self->{mls}->control('touch', { resource => $resource, keys => \@keys });
	}
	$self->tell("bring back $resource @keys");
	return;
}

# How the source hands files out, and which it spoils until the round settles.
sub change_objects
{
	my ($self) = @_;
	my %spoilt = map { 1 + $self->number(5) => $self->one_of('html', '20403', '20413') } 0 .. $self->number(2);
	my %options = (location_only => $self->one_of($yes, $no), object_spoilt => \%spoilt);
	rets_option($self->{mls}, %options);
	$self->tell('spoilt ' . join ' ', map { "$_ $spoilt{$_}" } sort keys %spoilt);
	return;
}

sub change_data
{
	my ($self) = @_;
	$self->do_one_of([ 4, 'add_photos' ], [ 5, 'replace_photos' ], [ 3, 'renumber_photos' ], [ 4, 'remove_photos' ], [ 2, 'remove_listing' ],
		[ 3, 'bring_back' ], [ 3, 'change_objects' ], [ 1, 'change_grace' ]);
	return;
}

sub give_fresh
{
	return;
}

# ---- The law ----

# What is wrong with the file of a row; the words are those that the picture has in it.
sub wrong_file
{
	my ($self, $of, $words, $row) = @_;
	return "$of is not known" if !$row;
	my ($state, $name) = @$row;
	return "$of is $state" if $state ne 'here';
	return "$of has another file than that of '$words'" if $words ne '' && index(slurp_file("$self->{directory}/store/$name"), $words) < 0;
	return;
}

sub wrong_rows
{
	my ($self) = @_;
	my (%rows, @wrong);
	for my $line (split /\n/, $self->sql(q{SELECT source || ' ' || key || e'\t' || state || e'\t' || coalesce(name, '') FROM mls_media WHERE state <> 'gone'}))
	{
		my ($key, @row) = split /\t/, $line, -1;
		$rows{$key} = \@row;
	}
	push @wrong, $self->wrong_file("r $_->{MediaKey}", "$_->{ResourceRecordKey} $_->{Order} Photo$_->{ShortDescription}", delete $rows{"r $_->{MediaKey}"})
	  for $self->media;
	my %there = map { $_->{id} => 1 } $self->in_qobrix;
	for my $line (split /\n/, $self->sql(q{SELECT m.id, m.file ->> 'href', m.file ->> 'modified', m.file ->> 'mime_type' FROM silver.q_media m
		WHERE m.file ->> 'href' IS NOT NULL AND EXISTS (SELECT FROM gold.media g WHERE g.mls_source = 'q' AND g.mls_source_key = m.id)}))
	{
		my ($id, $href, $modified, $type) = split /\|/, $line, -1;
		my $row = delete $rows{"q $id"};
		push @wrong, "q $id is there, though the source does not have it" if !$there{$id};
		push @wrong, $type eq 'image/jpeg' ? $self->wrong_file("q $id", "$href $modified", $row) : !$row ? "q $id is not known" : ();
	}
	push @wrong, map { "$_ is @{$rows{$_}}, though nobody shows it" } sort keys %rows;
	return @wrong;
}

# Gold shows the stored files, and is what a rebuild makes.
sub wrong_gold
{
	my ($self) = @_;
	my $shown = $self->sql(q{
		SELECT g."MediaKey" || ' shows ' || coalesce(g."X_Sha256", 'nothing') FROM gold.media g
		  LEFT JOIN mls_media m ON m.source = g.mls_source AND m.key = g.mls_source_key WHERE g."X_Sha256" IS DISTINCT FROM m.sha256});
	return grep { $_ ne '' } $shown, MlsTruth::differences_from_nothing($self->{node}, $self->{round});
}

sub settle
{
	my ($self) = @_;
	rets_option($self->{mls}, object_spoilt => {}, location_only => $no);
	return $self->SUPER::settle;
}

1;
