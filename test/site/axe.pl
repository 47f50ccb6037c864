# All pages of a site under axe-core, in light and dark: axe.pl FILE URL ROLE PASSWORD
# Anything it calls serious or critical fails.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../perl";
use MlsBrowser;

my ($file, $url, $role, $password) = @ARGV;
open my $in, '<:encoding(UTF-8)', $file or die "$file: $!";
my $axe = do { local $/; <$in> };
my %pages = (
	'#/overview' => '.card', '#/source/lakeside' => 'table', '#/runs' => 'tbody tr', '#/runs/1' => 'dl', '#/live' => '#work .empty, #work li', '#/schedules' => 'svg.band',
	'#/record?text=LK00000007' => 'tbody tr', '#/record/riverbend/Property/LK00000007' => '#fields table', '#/quality' => 'details table', '#/datasets' => 'main .empty', '#/mapping/oldtown' => 'tbody tr', '#/consumers' => 'tbody tr');
my ($passed, $failed) = (0, 0);
binmode STDOUT, ':encoding(UTF-8)';

sub look
{
	my ($browser, $what) = @_;
	$browser->js("$axe; return 1");
	my $found = $browser->js_later('const done = arguments[0]; axe.run(document, { resultTypes: ["violations"] }).then(r => done(r.violations.map(v => ({ id: v.id, impact: v.impact, help: v.help, where: v.nodes.slice(0, 3).map(n => n.target.join(" ") + " " + (n.failureSummary || "").slice(0, 200)).join("; ") }))), e => done([{ id: String(e), impact: "critical" }]))');
	my @bad = grep { ($_->{impact} // '') =~ /^(?:serious|critical)\z/ } @$found;
	print @bad ? "not ok - $what\n" : "ok - $what\n";
	print "#   $_->{impact}: $_->{id}: " . ($_->{help} // '') . ': ' . ($_->{where} // '') . "\n" for @$found;
	@bad ? $failed++ : $passed++;
	return;
}

my $browser = MlsBrowser->new(tempdir(CLEANUP => 1));
$browser->go($url);
$browser->text_of('input[name=role]');
look($browser, 'login');
$browser->type('input[name=role]', $role);
$browser->type('input[name=password]', $password);
$browser->click('main form button[type=submit]');
$browser->text_of('.card');
for my $dark (0, 1)
{
	$browser->dark($dark);
	for my $page (sort keys %pages)
	{
		$browser->js('document.querySelector("main").setAttribute("aria-busy", "true"); location.hash = arguments[0]', $page);
		$browser->js('if (location.hash === arguments[0]) dispatchEvent(new HashChangeEvent("hashchange"))', $page);
		$browser->wait_for($page, 'return document.querySelector("main").getAttribute("aria-busy") === null && document.querySelector(arguments[0]) !== null', $pages{$page});
		look($browser, "$page " . ($dark ? 'dark' : 'light'));
	}
}
$browser->js('document.querySelector("main").setAttribute("aria-busy", "true"); location.hash = "#/source/riverbend"');
$browser->click('tr[data-resource=Property] button[data-action=purge]');
$browser->text_of('dialog');
look($browser, 'a dialog');
$browser->end;
print "$passed passed, $failed failed\n";
exit($failed > 0);
