# Pictures of all pages of a site that runs, with the demonstration's data: screens.pl FOLDER URL ROLE PASSWORD [PAGE...]
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../perl";
use MlsBrowser;

my ($folder, $url, $role, $password, @only) = @ARGV;
my %pages = (
	overview => [ '#/overview', '.card' ],
	source => [ '#/source/lakeside', 'dl, .card, table' ],
	runs => [ '#/runs', 'tbody tr' ],
	run => [ '#/runs?status=failed', 'tbody tr' ],
	live => [ '#/live', '#work li .share, #jobs li[data-ended=good]' ],
	schedules => [ '#/schedules', 'svg.band' ],
	record => [ '#/record/riverbend/Property/LK00000007', '#fields table' ],
	quality => [ '#/quality?source=riverbend', 'details table' ],
	mapping => [ '#/mapping/oldtown', 'tbody tr' ],
	consumers => [ '#/consumers', 'tbody tr' ]);
my $browser = MlsBrowser->new(tempdir(CLEANUP => 1));
$browser->go($url);
$browser->wait_for('the login', 'return document.querySelector("input[name=password]") !== null');
for my $dark (0, 1)
{
	$browser->dark($dark);
	for my $width (1280, 390)
	{
		my $name = sub { sprintf '%s/%s_%s_%d.png', $folder, $_[0], $dark ? 'dark' : 'light', $width };
		$browser->go($url);
		if (!$dark && $width == 1280)
		{
			$browser->picture($name->('login'), width => $width, height => 700);
			$browser->type('input[name=role]', $role);
			$browser->type('input[name=password]', $password);
			$browser->click('button[type=submit]');
			$browser->text_of('nav');
		}
		for my $page (sort keys %pages)
		{
			next if @only && !grep { $_ eq $page } @only;
			my ($hash, $there) = @{ $pages{$page} };
			$browser->chrome('Emulation.setDeviceMetricsOverride', { width => $width, height => 900, deviceScaleFactor => 1, mobile => $width < 600 ? JSON::PP::true : JSON::PP::false });
			$browser->js('location.hash = "#/none"');
			# Something to see at work.
			$browser->js_later('const done = arguments[0]; fetch("api/session").then(r => r.json()).then(s => fetch("api/do/sync", { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": s.csrf }, body: JSON.stringify({ source: "oldtown", full: true }) })).then(done, done)') if $page eq 'live';
			$browser->js('location.hash = arguments[0]', $hash);
			$browser->wait_for($page, 'return document.querySelector("main").getAttribute("aria-busy") === null && document.querySelector(arguments[0]) !== null', $there);
			if ($page eq 'run')
			{
				$browser->js('location.hash = document.querySelector("tbody th a").getAttribute("href")');
				$browser->text_of('main dl');
			}
			$browser->js('document.activeElement.blur(); scrollTo(0, 0)');
			$browser->picture($name->($page), width => $width, most => $width < 600 ? 1600 : 1300);
		}
	}
}
$browser->hear;
print "$_\n" for grep { !/favicon/ } @{ $browser->{console} };
