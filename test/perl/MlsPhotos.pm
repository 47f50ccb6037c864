# MlsPhotos: random rounds in which listings have photos that are added, replaced, reordered,
# shared, moved and removed, while their host misbehaves and PostgreSQL is killed; from a seed.
#
# Source a replicates Media by itself, and its syncs are followed by runs that nobody has asked
# for; source b has them as part of its listings, and fetches files when it is told.  Both keep their files
# in one directory, so that a picture that both have is there once; documents of a go to a bucket.
#
# After each settled round: the rows of mls.media are what the source shows, each with the hash
# of what its address gives (or, where that is no picture, of one that it had before); the store
# has their files and, without a time of grace, no others; gold shows them.
package MlsPhotos;

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use MlsSync;
use MlsTest;
use MlsTruth;
use PostgreSQL::Test::Utils;
use Test::More;

use parent 'MlsModel';

# What a host gives in place of a picture.
my @bad = qw(html xml empty half svg text 404 500);

my %face = (
	resource => 'Media',
	path => qr{^/cdn/},
	matching => { match => '^/cdn/' },
	faults => [
		(map { { kind => 'status', status => $_ } } 401, 403, 404, 410, 500, 503),
		{ kind => 'status', status => 429, headers => { 'Retry-After' => '1' } },
		{ kind => 'truncate' }, { kind => 'truncate', length => 'chunked' }, { kind => 'html200' },
		{ kind => 'close' }, { kind => 'reset' }, { kind => 'redirect', to => 'http://169.254.169.254/x' } ]);

sub new
{
	my ($class, $node, $seed, $directory) = @_;
	my $self = bless { node => $node, seed => $seed, state => $seed * 7919 + 17, round => 0, settled => 0, crashes => 0, log => 0,
		face => \%face, names => [qw(a b)], stores => [qw(store papers)], story => [], directory => $directory, grace => '0', made => 0, edition => {}, hash => {},
		had => {}, purges => [], removed => [], expired => {} }, $class;
	$self->{mls} = start_mls(listings => 20, fields => 'small', seed => $seed);
	$self->{photos} = "http://127.0.0.1:$self->{mls}{port}/cdn";
	$self->{mls}->control('set', { resource => 'Media', keys => [ $_->{MediaKey} ], fields => { $self->new_photo, MediaCategory => 'Photo' } })
	  for $self->media;
	$self->create_stores;
	$self->create($_) for $self->names;
	$self->sql(q{
		CREATE FOREIGN TABLE b.property (listing_key text OPTIONS (field 'ListingKey'), modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
			SERVER b OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp', expand 'Media');
		SELECT mls_subscribe('b.property')});
	$self->sql("SELECT mls_subscribe('$_.media')") for $self->names;
	$self->set_store;
	return $self;
}

sub create_stores
{
	my ($self) = @_;
	for my $store (@{ $self->{stores} })
	{
		my $place = $store eq 'papers' ? "url 's3://photos/papers', endpoint 'http://127.0.0.1:$self->{mls}{port}', retries '0'" : "url 'file://$self->{directory}/$store'";
		$self->sql("CREATE SERVER $store FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', $place, public_url 'https://$store.example.com')");
	}
	mkdir "$self->{directory}/store" or die "$self->{directory}/store: $!";
	$self->sql(q{CREATE USER MAPPING FOR CURRENT_USER SERVER papers OPTIONS (access_key 'AKIATESTKEYVALUE', secret_key 's3cr3t/Key+Value=for-tests')})
	  if @{ $self->{stores} } > 1;
	return;
}

sub create
{
	my ($self, $name) = @_;
	$self->sql(qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw
			OPTIONS (protocol 'reso', url '@{[$self->{mls}->url]}', retries '0', schema_policy 'ignore', key_prefix '$name:', page_size '15');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (token 'static-token-value');
		CREATE SCHEMA $name;
		CREATE FOREIGN TABLE $name.media (media_key text OPTIONS (field 'MediaKey'), "order" integer OPTIONS (field 'Order'),
			media_url text OPTIONS (field 'MediaURL'), media_category text OPTIONS (field 'MediaCategory'),
			resource_name text OPTIONS (field 'ResourceName'), resource_record_key text OPTIONS (field 'ResourceRecordKey'),
			media_modification_timestamp timestamptz OPTIONS (field 'MediaModificationTimestamp'),
			modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER $name OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
		SELECT mls_map_set('Media', 'X_Sha256', 'expression', '{"(mls.media_file(''$name'', r.media_key)).sha256"}', source => '$name');
		SELECT mls_map_set('Media', 'MediaURL', 'expression', '{"(mls.media_file(''$name'', r.media_key)).url"}', source => '$name')});
	return;
}

sub call_of
{
	my ($self, $process, $name) = @_;
	my $function = $process eq 'media' ? 'media_sync' : $process;
	my $force = $process eq 'purge' ? ', force => true' : '';
	return "SELECT string_agg(status, ' ') FROM mls_$function('$name'$force)";
}

sub worker
{
	my ($self, $more) = @_;
	$more //= '';
	return $self->sql("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'mls\\_fdw %' $more LIMIT 1");
}

# Also asks again for what was refused or has failed.
sub set_store
{
	my ($self) = @_;
	$self->sql(join ';', (map { sprintf "SELECT mls_media_store('$_', 'store', grace => '$self->{grace}', after_sync => %s)", $_ eq 'a' ? 'true' : 'false' } $self->names),
		q{SELECT mls_media_store_also('a', 'papers', categories => '{Document}')});
	return;
}

# ---- What the source has ----

sub records
{
	my ($self, $resource) = @_;
	return map { JSON::PP::decode_json($_) } grep { length } split /\n/, $self->{mls}->get("truth?resource=$resource");
}

sub media
{
	my ($self) = @_;
	return $self->records('Media');
}

# Up to n of them, by chance.
sub some_media
{
	my ($self, $n) = @_;
	my @all = $self->media;
	my @some;
	push @some, splice @all, $self->number(scalar @all), 1 while @some < $n && @all;
	return @some;
}

sub keys_of
{
	my (@media) = @_;
	return map { $_->{MediaKey} } @media;
}

sub listings
{
	my ($self) = @_;
	return @{ JSON::PP::decode_json($self->{mls}->get('keys?resource=Property')) };
}

# An address that nobody has yet, and when its bytes were made.
sub new_photo
{
	my ($self, $what) = @_;
	my $n = ++$self->{made};
	$what ||= $self->one_of('jpeg', 'jpeg', 'jpeg', 'png', 'gif', 'webp');
	return (MediaURL => "$self->{photos}/$what/p$n", $self->other_bytes);
}

sub other_bytes
{
	my ($self) = @_;
	my $n = ++$self->{stamps};
	return (MediaModificationTimestamp => sprintf('2026-03-%02dT%02d:%02d:00Z', 1 + $n / 1440, $n / 60 % 24, $n % 60));
}

# Changes media; their listings move with them, as is told by those that have them inside.
sub change
{
	my ($self, $how, $fields, @media) = @_;
	$self->{mls}->control($how, { resource => 'Media', keys => [ keys_of(@media) ], ($fields ? (fields => $fields) : ()) });
	my %there = map { $_ => 1 } $self->listings;
	my %of = map { $_->{ResourceRecordKey} => 1 } grep { $there{ $_->{ResourceRecordKey} } } @media;
	$of{ $fields->{ResourceRecordKey} } = 1 if $fields && $fields->{ResourceRecordKey};
	$self->{mls}->control('touch', { resource => 'Property', keys => [ sort keys %of ] }) if %of;
	return;
}

# ---- Changes ----

sub add_photos
{
	my ($self) = @_;
	my $listing = $self->one_of($self->listings);
	my $count = 1 + $self->number(3);
	for my $n (1 .. $count)
	{
		my %fields = (ResourceName => 'Property', ResourceRecordKey => $listing, MediaCategory => 'Photo', Order => $self->number(9), $self->new_photo);
		$self->{mls}->control('insert', { resource => 'Media', count => 1, fields => \%fields });
	}
	$self->{mls}->control('touch', { resource => 'Property', keys => [$listing] });
	$self->tell("add $count to $listing");
	return;
}

# Another picture: at another address, or at the same one.
sub replace_photos
{
	my ($self) = @_;
	for my $medium ($self->some_media(1 + $self->number(6)))
	{
		my ($name) = $medium->{MediaURL} =~ m{/([^/]+)$};
		if ($self->number(3))
		{
			$self->change('update', { $self->new_photo }, $medium);
		}
		else
		{
			# Whoever has this address tells of it.
			$self->{mls}->control('editions', { $name => ++$self->{edition}{$name} });
			$self->change('update', { $self->other_bytes }, grep { $_->{MediaURL} =~ m{/\Q$name\E$} } $self->media);
		}
		$self->tell("replace $medium->{MediaKey}, which was $medium->{MediaURL}");
	}
	return;
}

sub reorder_photos
{
	my ($self) = @_;
	my ($first, $second) = $self->some_media(2);
	$self->change('update', { Order => $second->{Order} }, $first);
	$self->change('update', { Order => $first->{Order} }, $second);
	$self->tell("reorder $first->{MediaKey} and $second->{MediaKey}");
	return;
}

# Two records exchange their pictures.
sub exchange_photos
{
	my ($self) = @_;
	my ($first, $second) = $self->some_media(2);
	$self->change('update', { MediaURL => $second->{MediaURL}, $self->other_bytes }, $first);
	$self->change('update', { MediaURL => $first->{MediaURL}, $self->other_bytes }, $second);
	$self->tell("exchange $first->{MediaKey} and $second->{MediaKey}");
	return;
}

sub change_category
{
	my ($self) = @_;
	my $category = $self->one_of('Photo', 'Document');
	my @media = $self->some_media(1 + $self->number(4));
	$self->change('update', { MediaCategory => $category }, @media);
	$self->tell("$category: " . join ' ', keys_of(@media));
	return;
}

sub share_photo
{
	my ($self) = @_;
	my ($from, @to) = $self->some_media(2 + $self->number(3));
	$self->change('update', { MediaURL => $from->{MediaURL}, $self->other_bytes }, @to);
	$self->tell("share $from->{MediaURL} with " . join ' ', keys_of(@to));
	return;
}

sub move_photo
{
	my ($self) = @_;
	my ($medium) = $self->some_media(1);
	my $listing = $self->one_of($self->listings);
	$self->change('update', { ResourceRecordKey => $listing }, $medium);
	$self->tell("move $medium->{MediaKey} to $listing");
	return;
}

# No picture any more where one was.
sub spoil_photos
{
	my ($self) = @_;
	for my $medium ($self->some_media(1 + $self->number(3)))
	{
		my $what = $self->one_of(@bad);
		$self->change('update', { $self->new_photo($what) }, $medium);
		$self->tell("spoil $medium->{MediaKey}: $what");
	}
	return;
}

# Addresses that have ended by the time they are used; the source has others then.
sub let_expire
{
	my ($self) = @_;
	my $what = $self->one_of(401, 403, 404, 410);
	my @media = $self->some_media(1 + $self->number(8));
	for my $medium (@media)
	{
		$self->{expired}{ $medium->{MediaKey} } = { $self->new_photo };
		$self->change('update', { $self->new_photo($what) }, $medium);
	}
	$self->tell("$what: " . join ' ', keys_of(@media));
	return;
}

sub give_fresh
{
	my ($self) = @_;
	my %there = map { $_ => 1 } keys_of($self->media);
	for my $key (grep { $there{$_} } sort keys %{ $self->{expired} })
	{
		$self->{mls}->control('set', { resource => 'Media', keys => [$key], fields => { MediaURL => $self->{expired}{$key}{MediaURL} } });
	}
	$self->{expired} = {};
	return;
}

sub remove_photos
{
	my ($self) = @_;
	my @media = $self->some_media(1 + $self->number(5));
	return if $self->media < 20;
	$self->change('delete', undef, @media);
	push @{ $self->{removed} }, [ Media => keys_of(@media) ];
	$self->tell('remove ' . join ' ', keys_of(@media));
	return;
}

# A listing, with its photos where they are inside it.
sub remove_listing
{
	my ($self) = @_;
	my @all = $self->listings;
	return if @all < 12;
	my $listing = $self->one_of(@all);
	$self->{mls}->control('delete', { resource => 'Property', keys => [$listing] });
	push @{ $self->{removed} }, [ Property => $listing ];
	$self->tell("remove listing $listing");
	return;
}

# What was removed comes back.
sub bring_back
{
	my ($self) = @_;
	my $removed = pop @{ $self->{removed} } or return;
	my ($resource, @keys) = @$removed;
	$self->{mls}->control('restore', { resource => $resource, keys => \@keys });
	$self->{mls}->control('touch', { resource => $resource, keys => \@keys });
	my %of = map { $_ => 1 } @keys;
	my %there = map { $_ => 1 } $self->listings;
	my @listings = grep { $there{$_} } map { $_->{ResourceRecordKey} } grep { $of{ $_->{MediaKey} } } $self->media;
	$self->{mls}->control('touch', { resource => 'Property', keys => \@listings }) if @listings;
	$self->tell("bring back $resource @keys");
	return;
}

sub change_grace
{
	my ($self) = @_;
	$self->{grace} = $self->one_of('0', '0', '1 day');
	$self->set_store;
	$self->tell("grace $self->{grace}");
	return;
}

sub change_data
{
	my ($self) = @_;
	$self->do_one_of([ 4, 'add_photos' ], [ 5, 'replace_photos' ], [ 3, 'reorder_photos' ], [ 2, 'exchange_photos' ], [ 2, 'share_photo' ], [ 2, 'change_category' ],
		[ 2, 'move_photo' ], [ 3, 'spoil_photos' ], [ 3, 'let_expire' ], [ 4, 'remove_photos' ], [ 2, 'remove_listing' ], [ 2, 'bring_back' ],
		[ 1, 'change_grace' ]);
	return;
}

# ---- Work ----

sub work
{
	my ($self, $process) = @_;
	my $name = $self->one_of($self->names);
	my (undef, $out, $err) = $self->try_sql($self->call_of($process, $name));
	push @{ $self->{purges} }, split /\n/, $self->sql("SELECT max(run) FROM mls_history WHERE process = 'purge' AND source = '$name' GROUP BY resource")
	  if $process eq 'purge';
	$self->give_fresh if $process eq 'sync';
	$self->tell("$process of $name: $out $err");
	return;
}

sub take_back
{
	my ($self) = @_;
	my $run = pop @{ $self->{purges} } or return;
	my (undef, $out, $err) = $self->try_sql("SELECT mls_undo($run)");
	$self->tell("undo $run: $out $err");
	return;
}

# Something happens while a file is on its way.
sub hold
{
	my ($self) = @_;
	my $name = $self->one_of($self->names);
	my @log = $self->{mls}->requests($self->{log});
	$self->{log} = $log[-1]{id} if @log;
	my $skip = $self->number(6);
	$self->{mls}->fault(kind => 'stall', %{ $face{matching} }, skip => $skip, times => 1);
	$self->tell("files of $name are held after $skip");
	my $psql = start_psql($self->{node}, $self->call_of('media', $name));
	MlsTrouble::comes_while($psql, sub { $self->is_held });
	$self->do_one_of([ 3, 'change_data' ], [ 2, 'work', 'sync' ], [ 2, 'work', 'purge' ], [ 2, 'take_back' ], [ 1, 'change_grace' ],
		[ 4, 'kill_worker' ], [ 2, 'terminate_worker' ], [ 2, 'cancel_caller' ], [ 2, 'stop_server' ]);
	$self->control('clear');
	$self->hear_end($psql);
	$self->{interrupted} = 1;
	return;
}

# A file that is ours and of no row: a run has put it and did not live to say so.
sub leave_orphan
{
	my ($self) = @_;
	my $bytes = 'a file of seed ' . $self->number(1000);
	my $hash = sha256_hex($bytes);
	my $file = $self->one_of(@{ $self->{stores} }) . '/' . substr($hash, 0, 2) . "/$hash.jpg";
	$self->write_file($file, $bytes) if !grep { $_ eq $file } $self->files;
	$self->{interrupted} = 1;
	$self->tell('an orphan is left');
	return;
}

# Somebody takes a file away, or spoils it; who looks finds it.
sub damage_store
{
	my ($self) = @_;
	my @files = $self->files or return;
	my $file = $self->one_of(@files);
	my ($store) = $file =~ m{^(\w+)/};
	if ($self->number(2))
	{
		$self->write_file($file, 'spoilt');
	}
	elsif ($store eq 'papers')
	{
		$self->{mls}->control('s3', { drop => [$file] });
	}
	else
	{
		unlink "$self->{directory}/$file" or die "$file: $!";
	}
	$self->sql("SELECT count(*) FROM mls_media_verify('$store', samples => 1000, repair => true)");
	$self->tell("$file is damaged");
	return;
}

# ---- The law ----

# Objects of the bucket of papers, by their names in it.
sub objects
{
	my ($self) = @_;
	return {} if @{ $self->{stores} } < 2;
	my $all = JSON::PP::decode_json($self->{mls}->get('s3'))->{buckets}{photos};
	return { map { m{^papers/../} ? ($_ => $all->{$_}) : () } keys %$all };
}

# Files of all stores: name of the store, and the file's in it.
sub files
{
	my ($self) = @_;
	return sort keys %{ $self->objects }, map { m{/(\w+/[0-9a-f]{2}/[^/]+)$} ? $1 : () } glob("$self->{directory}/*/*/*");
}

sub write_file
{
	my ($self, $file, $bytes) = @_;
	if ($file =~ /^papers/)
	{
		$self->{mls}->control('s3', { put => [ 'photos', $file, $bytes ] });
		return;
	}
	my ($folder) = "$self->{directory}/$file" =~ m{^(.*)/};
	mkdir $folder;
	unlink "$self->{directory}/$file";
	append_to_file("$self->{directory}/$file", $bytes);
	return;
}

# The hash of what an address gives; nothing if that is no picture.
sub hash_of
{
	my ($self, $url) = @_;
	my ($what, $name) = $url =~ m{/cdn/([^/]+)/([^/]+)$} or die $url;
	return if grep { $_ eq $what } @bad, 401, 403, 410;
	return $self->{hash}{ "$what/$name/" . ($self->{edition}{$name} // 0) } //= do {
		my $answer = $self->{mls}{http}->get($url);
		die "$url: $answer->{status}" unless $answer->{success};
		sha256_hex($answer->{content});
	};
}

# What is wrong with the row of a medium.
sub wrong_row
{
	my ($self, $name, $medium, $row) = @_;
	my $of = "$name $medium->{MediaKey} ($medium->{MediaURL})";
	my $hash = $self->hash_of($medium->{MediaURL});
	my $known = $self->{had}{"$name $medium->{MediaKey}"} //= {};
	return "$of is not known" if !$row;
	my ($state, $sha256, $order, $record, $store) = @$row;
	my $right = $name eq 'a' && $medium->{MediaCategory} eq 'Document' ? 'papers' : 'store';
	return "$of is of $record" if $record ne "$name:$medium->{ResourceRecordKey}";
	return "$of has order $order, not " . $medium->{Order} if $order != ($medium->{Order} // 0);
	return "$of is $state" if defined $hash ? $state ne 'here' : $state !~ /^(?:failed|refused)$/;
	return "$of is in $store" if defined $hash && $store ne $right;
	$known->{$hash} = 1 if defined $hash;
	return "$of has $sha256" if defined $hash ? $sha256 ne $hash : $sha256 ne '' && !$known->{$sha256};
	return;
}

sub wrong_rows
{
	my ($self) = @_;
	my %rows;
	for my $line (split /\n/, $self->sql(q{
		SELECT s.source || ' ' || m.key || e'\t' || concat_ws(e'\t', m.state, coalesce(m.sha256, ''), m."order", m.record_key, coalesce(m.store, ''))
		  FROM mls.media m JOIN mls.subscription s ON s.id = m.subscription WHERE m.state <> 'gone'}))
	{
		utf8::decode($line);
		my ($key, @row) = split /\t/, $line, -1;
		$rows{$key} = \@row;
	}
	my %there = map { $_ => 1 } $self->listings;
	my @wrong;
	for my $medium ($self->media)
	{
		for my $name ($self->names)
		{
			next if $name eq 'b' && !$there{ $medium->{ResourceRecordKey} };
			push @wrong, $self->wrong_row($name, $medium, delete $rows{"$name $medium->{MediaKey}"});
		}
	}
	push @wrong, map { "$_ is @{$rows{$_}}, though the source does not have it" } sort keys %rows;
	return @wrong;
}

# Files that no row has are left where a run was interrupted; a day later whoever looks removes them.
sub remove_orphans
{
	my ($self) = @_;
	return if !delete $self->{interrupted};
	my $old = time - 2 * 86400;
	utime $old, $old, glob("$self->{directory}/*/*/*");
	$self->{mls}->control('s3', { age => 2 * 86400 });
	$self->sql("SELECT count(*) FROM mls_media_verify('$_', samples => 0, repair => true); SELECT mls_store_sweep('$_')") for @{ $self->{stores} };
	return;
}

# What one list has and the other has not.
sub apart
{
	my ($one, $other, $names) = @_;
	my (%one, %other);
	@one{@$one} = @other{@$other} = ();
	return ((map { "$_: $names->[0], but not $names->[1]" } grep { !exists $other{$_} } @$one),
		(map { "$_: $names->[1], but not $names->[0]" } grep { !exists $one{$_} } @$other));
}

sub wrong_files
{
	my ($self) = @_;
	$self->remove_orphans;
	my %named = map { $_ => [] } qw(lost known shown wrong);
	my $rows = $self->sql(q{
		SELECT CASE WHEN missing THEN 'lost' ELSE 'known' END, store || '/' || name FROM mls.media_file
		 UNION ALL
		SELECT DISTINCT CASE WHEN NOT f.missing THEN 'shown' WHEN m.state = 'here' THEN 'wrong' ELSE 'other' END, m.store || '/' || m.name
		  FROM mls_media m JOIN mls.media_file f USING (store, sha256) WHERE m.state <> 'gone'});
	push @{ $named{$1} }, $2 while $rows =~ /^(\w+)\|(.*)$/mg;
	# Of a file that was found damaged, and that nobody gives any more, nothing is promised.
	my %lost = map { $_ => 1 } @{ $named{lost} };
	my @files = grep { !$lost{$_} } $self->files;
	my $objects = $self->objects;
	my @wrong = map { "missing, though a medium has it: $_" } @{ $named{wrong} };
	for my $file (@files)
	{
		my ($hash) = $file =~ m{/([0-9a-f]+)\.};
		my $found = $objects->{$file} ? $objects->{$file}{sha256} : sha256_hex(slurp_file("$self->{directory}/$file"));
		push @wrong, "$file has other bytes" if $found ne $hash;
	}
	push @wrong, apart(\@files, $named{known}, [ 'in the store', 'in a row' ]);
	push @wrong, apart(\@files, $named{shown}, [ 'in the store', 'of a medium' ]) if $self->{grace} eq '0';
	push @wrong, "there is $_" for map { glob("$self->{directory}/*/$_") } '.mls_tmp.*', '*/.mls_tmp.*';
	return grep { $_ ne '' } @wrong;
}

# Gold shows the stored files, and is what a rebuild makes.
sub wrong_gold
{
	my ($self) = @_;
	my $shown = $self->sql(q{
		SELECT g."MediaKey" || ' shows ' || coalesce(g."X_Sha256", 'nothing') FROM reso."Media" g
		  LEFT JOIN mls_media m ON g."MediaKey" = m.source || ':' || m.key
		 WHERE g."X_Sha256" IS DISTINCT FROM m.sha256 OR g."MediaURL" IS DISTINCT FROM 'https://' || m.store || '.example.com/' || m.name});
	return grep { $_ ne '' } $shown, differences_from_nothing($self->{node}, $self->{round});
}

sub settle
{
	my ($self) = @_;
	$self->control('clear');
	$self->give_fresh;
	my $wrong = $self->until_fine('sync', qr/^finished( finished)?$/) || $self->until_fine('purge', qr/^finished( finished)*$/);
	return $wrong if $wrong;
	$self->wait_for_server;
	$self->set_store;
	# A host that wants to be left alone may still be: the rows do not wait for it.
	$wrong = $self->until_fine('media', qr/^finished$/) || $self->until_fine('media', qr/^finished$/);
	return $wrong if $wrong;
	$self->tell('settled');
	return join "\n", map { @$_ ? @$_[ 0 .. ($#$_ < 9 ? $#$_ : 9) ] : () } [ $self->wrong_rows ], [ $self->wrong_files ], [ $self->wrong_gold ];
}

# ---- Rounds ----

sub play
{
	my ($self) = @_;
	$self->{round}++;
	$self->change_data for 0 .. $self->number(4);
	$self->do_one_of([ 5, 'work', 'sync' ], [ 2, 'work', 'purge' ], [ 2, 'work', 'media' ], [ 6, 'work_in_trouble', 'media' ], [ 6, 'hold' ],
		[ 2, 'take_back' ], [ 1, 'leave_orphan' ], [ 1, 'damage_store' ], [ 2, 'change_data' ]) for 0 .. 1 + $self->number(2);
	return '' if $self->number(3) == 0;
	my $wrong = $self->settle;
	$self->{settled}++;
	$self->{story} = [] if $wrong eq '';
	return $wrong;
}

# Plays so many rounds of each seed, or those that the environment asks for, on a node of its own.
sub play_seeds
{
	my ($class, $rounds, $promise, %settings) = @_;
	for my $seed (split ' ', $ENV{MLS_SEED} || ($ENV{MLS_LONG} ? '1 2 3 4' : '1'))
	{
		my $directory = "$PostgreSQL::Test::Utils::tmp_check/photos$seed";
		mkdir $directory or die "$directory: $!";
		my $node = new_node("seed$seed", restart_after_crash => 'on', 'mls_fdw.file_directories' => "'$directory'", %settings);
		my $self = $class->new($node, $seed, $directory);
		is($self->play_all($ENV{MLS_ROUNDS} || ($ENV{MLS_LONG} ? 40 : $rounds)), '', "seed $seed $promise");
		note("$self->{settled} settled rounds, $self->{crashes} crashes");
		$node->stop;
		$self->{mls}->stop;
	}
	done_testing();
	return;
}

sub work_in_trouble
{
	my ($self, $process) = @_;
	$self->{interrupted} = 1;
	return $self->SUPER::work_in_trouble($process);
}

1;
